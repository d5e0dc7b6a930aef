"""Statements as SQLite's driver takes them: compiled once by SQLAlchemy, then only filled in.

Executing through SQLAlchemy costs several times what SQLite itself takes, and a hop to the driver's thread for each
step. So the hot path takes text and converters from SQLAlchemy and hands a batch to the driver as a whole.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

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
    """The same for a SELECT."""

    sql: str
    slots: tuple[Slot, ...]
    read: Callable[[Iterable[Sequence[Any]]], list[tuple[Any, ...]]]

    def fetch(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Execute for every row. Returns: what each found, one after the other. Raises: sqlite3.Error."""
        found: list[tuple[Any, ...]] = []
        for row in rows:
            found += self.read(connection.execute(self.sql, [slot.value(row) for slot in self.slots]))
        return found


@lru_cache(maxsize=256)
def prepare(statement: Statement, keys: tuple[str, ...]) -> Prepared:
    """Compile a statement for rows with these keys."""
    return Prepared(*compile_for(SQLITE, statement, keys))


@lru_cache(maxsize=256)
def prepare_select(statement: sa.Select[Any], keys: tuple[str, ...]) -> PreparedSelect:
    """Compile a SELECT for rows with these keys."""
    return PreparedSelect(*compile_for(SQLITE, statement, keys), read_by(SQLITE, statement))
