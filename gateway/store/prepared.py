"""Statements as SQLite's driver takes them: compiled once by SQLAlchemy, then only filled in.

Executing through SQLAlchemy costs several times what SQLite itself takes, and a hop to the driver's thread for each
step. So the hot path takes text and converters from SQLAlchemy and hands a batch to the driver as a whole.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from gateway.store.compiling import Row, Slot, compile_for, read_by
from gateway.store.statements import Statement

SQLITE: Final = sqlite.dialect()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement for rows with the same keys."""

    sql: str
    slots: tuple[Slot, ...]

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Execute for every row. Returns: rows changed in all. Raises: sqlite3.Error, whose text shows no values."""
        values = [[slot.value(row) for slot in self.slots] for row in rows]
        return connection.executemany(self.sql, values).rowcount


@dataclass(frozen=True, slots=True)
class PreparedSelect:
    """The same for a SELECT with one parameter.

    How this works: the driver gives the interpreter's lock away at each row and waits for it again, milliseconds beside
    a busy loop. So for several values SQLite itself puts all rows together, as JSON with octets in hex, and gives one.
    """

    sql: str
    together: str  # takes a JSON list of values
    slot: Slot
    read: Callable[[Iterable[Sequence[Any]]], list[tuple[Any, ...]]]
    octets: tuple[int, ...]  # places of columns that hold octets

    def fetch(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Execute for every row. Returns: what each found, one after the other. Raises: sqlite3.Error."""
        values = [self.slot.value(row) for row in rows]
        if len(values) == 1:
            return self.read(connection.execute(self.sql, values))
        ((text,),) = connection.execute(self.together, [msgspec.json.encode(values).decode()]).fetchall()
        found: list[list[Any]] = [line for lines in msgspec.json.decode(text) for line in lines]
        for line in found:
            for place in self.octets:
                line[place] = None if line[place] is None else bytes.fromhex(line[place])
        return self.read(found)


@lru_cache(maxsize=256)
def prepare(statement: Statement, keys: tuple[str, ...]) -> Prepared:
    """Compile a statement for rows with these keys."""
    return Prepared(*compile_for(SQLITE, statement, keys))


@lru_cache(maxsize=256)
def prepare_select(statement: sa.Select[Any], keys: tuple[str, ...]) -> PreparedSelect:
    """Compile a SELECT for rows with these keys. Raises: ValueError for any but one key, used once."""
    sql, (slot,) = compile_for(SQLITE, statement, keys)
    types = [column.type for column in statement.selected_columns]
    octets = tuple(place for place, kind in enumerate(types) if isinstance(kind, sa.LargeBinary))
    names = [f"c{place}" for place in range(len(types))]
    values = (
        f"CASE WHEN {name} IS NOT NULL THEN hex({name}) END" if place in octets else name
        for place, name in enumerate(names)
    )
    found = f"WITH found({', '.join(names)}) AS ({sql.replace('?', 'asked.value')})"
    lines = f"SELECT json_group_array(json_array({', '.join(values)})) FROM found"  # noqa: S608  # made of names
    together = f"SELECT json_group_array(json(({found} {lines}))) FROM json_each(?) AS asked"  # noqa: S608
    return PreparedSelect(sql, together, slot, read_by(SQLITE, statement), octets)
