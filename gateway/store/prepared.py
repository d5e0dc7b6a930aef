"""Statements as SQLite's driver takes them: compiled once by SQLAlchemy, then only filled in.

Executing through SQLAlchemy costs several times what SQLite itself takes, and a hop to the driver's thread for each
step. So the hot path takes text and converters from SQLAlchemy and hands a batch to the driver as a whole.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy.dialects import sqlite

from gateway.store.statements import Statement

Row = Mapping[str, Any]

SQLITE: Final = sqlite.dialect()


@dataclass(frozen=True, slots=True)
class Slot:
    """One `?` of a statement. constant: what it holds when the row has no such key. convert: Python to SQLite."""

    name: str
    constant: Any
    convert: Callable[[Any], Any] | None

    def value(self, row: Row) -> Any:
        value = row.get(self.name, self.constant)
        return value if self.convert is None else self.convert(value)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement for rows with the same keys."""

    sql: str
    slots: tuple[Slot, ...]

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Execute for every row. Returns: rows changed in all. Raises: sqlite3.Error, whose text shows no values."""
        values = [[slot.value(row) for slot in self.slots] for row in rows]
        return connection.executemany(self.sql, values).rowcount


@lru_cache(maxsize=256)
def prepare(statement: Statement, keys: tuple[str, ...]) -> Prepared:
    """Compile a statement for rows with these keys."""
    compiled = statement.compile(dialect=SQLITE, column_keys=list(keys))
    slots = (
        Slot(
            name=name,
            constant=compiled.params[name],
            convert=compiled.binds[name].type.dialect_impl(SQLITE).bind_processor(SQLITE),
        )
        for name in compiled.positiontup or ()
    )
    return Prepared(str(compiled), tuple(slots))
