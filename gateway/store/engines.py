"""The two ways into the SQLite file: one writing connection, and a few that can only read.

SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint at once, so exactly one
connection ever writes, and it alone checkpoints (QD-12).
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.store.file import (
    BUSY_TIMEOUT_S,
    READER_PRAGMAS,
    connect,
    read_only_uri,
    read_write_uri,
    set_pragmas,
)

T = TypeVar("T")

TRUNCATE_TIMEOUT_MS: Final = 50
READERS: Final = 4
ITERATED_ROWS: Final = 64  # aiosqlite's own default for rows fetched at once by a loop
OUTSIDE_TRANSACTION: Final = "mailward_outside_transaction"  # execution option: what follows opens no transaction

# name: (value to set, value to read back). FULL, not NORMAL: in WAL mode NORMAL loses acknowledged commits when the
# power fails (https://www.sqlite.org/pragma.html#pragma_synchronous, QD-13).
WRITER_PRAGMAS: Final[Mapping[str, tuple[str, str]]] = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", "2"),
    "secure_delete": ("ON", "1"),  # freed pages are zeroed, so that destroyed keys are gone (KY-06)
    "foreign_keys": ("ON", "1"),
    "temp_store": ("MEMORY", "2"),
    "trusted_schema": ("OFF", "0"),
    "wal_autocheckpoint": ("1000", "1000"),  # pages; the writer's own commits checkpoint
}


class DriverConnection(aiosqlite.Connection):
    """The driver's connection, which has a thread of its own: what is run there whole costs one hop to it."""

    def __init__(self, address: str) -> None:
        """address: a `file:` URI."""
        super().__init__(lambda: connect(address), ITERATED_ROWS)
        self._thread.daemon = True  # as SQLAlchemy has it: a process that fails at its start must not wait for it

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run blocking work in the connection's thread. Raises: what work raises; sqlite3.Error."""
        execute: Callable[..., Awaitable[T]] = self._execute  # untyped in aiosqlite
        return await execute(work, self._conn)


async def driver_of(conn: AsyncConnection) -> DriverConnection:
    """What stands behind a connection of one of the two engines."""
    driver = (await conn.get_raw_connection()).driver_connection
    if not isinstance(driver, DriverConnection):
        raise TypeError("not a connection of ours")
    return driver


def writer_engine(database: Path) -> AsyncEngine:
    """One connection, kept; every transaction opens with BEGIN IMMEDIATE, so that none has to upgrade its lock."""
    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=lambda: DriverConnection(read_write_uri(database)),
        poolclass=sa.pool.AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,  # Engine.begin() commits or rolls back; a second rollback would cost a thread hop
        hide_parameters=True,  # exception texts never show rows
    )
    _set_on_connect(engine, WRITER_PRAGMAS)

    @event.listens_for(engine.sync_engine, "begin")
    def begin_immediate(conn: sa.Connection) -> None:
        if not conn.get_execution_options().get(OUTSIDE_TRANSACTION):
            conn.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader_engine(database: Path) -> AsyncEngine:
    """Read-only twice over (mode=ro and query_only); each statement sees its own snapshot."""
    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=lambda: DriverConnection(read_only_uri(database)),
        poolclass=sa.pool.AsyncAdaptedQueuePool,
        pool_size=READERS,
        max_overflow=0,
        pool_reset_on_return=None,
        hide_parameters=True,
    )
    _set_on_connect(engine, READER_PRAGMAS)
    return engine


async def truncate_wal(engine: AsyncEngine) -> bool:
    """Checkpoint with the writing connection and cut the WAL to nothing; false when a reader was in the way."""
    async with engine.connect() as conn:
        await conn.execution_options(**{OUTSIDE_TRANSACTION: True})
        await conn.exec_driver_sql(f"PRAGMA busy_timeout = {TRUNCATE_TIMEOUT_MS}")
        try:
            busy: int = (await conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
        finally:
            await conn.exec_driver_sql(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
    return busy == 0


def _set_on_connect(engine: AsyncEngine, pragmas: Mapping[str, tuple[str, str]]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def set_them(connection: Any, _record: object) -> None:
        with closing(connection.cursor()) as cursor:
            set_pragmas(cursor, pragmas)
