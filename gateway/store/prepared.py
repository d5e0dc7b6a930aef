"""Statements as SQLite's driver takes them: compiled once by SQLAlchemy, then only filled in.

Executing through SQLAlchemy costs several times what SQLite itself takes, and a hop to the driver's thread for each
step. So the hot path takes text and converters from SQLAlchemy and hands a batch to the driver as a whole.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy.dialects import sqlite

from gateway.store.compiling import Row, Slot, compile_for
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


@lru_cache(maxsize=256)
def prepare(statement: Statement, keys: tuple[str, ...]) -> Prepared:
    """Compile a statement for rows with these keys."""
    return Prepared(*compile_for(SQLITE, statement, keys))
