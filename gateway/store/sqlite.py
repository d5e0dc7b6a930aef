"""The embedded database: one file, one writing connection with a thread of its own, a few that read.

How this works: a batch is handed to the connection's thread in one piece: one executemany for each statement, then the
audit events, then the commit, so one hop and one fsync for all. There is one writer, hence one sequence of events
(AU-13), and the head of the audit log stays in memory; it moves only once a commit has succeeded (AU-07).
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store import sequencer
from gateway.store.batch import run_changes
from gateway.store.compiling import Row
from gateway.store.database import EventsOf, T, Work
from gateway.store.disk import DirectoryLock, Disk
from gateway.store.engines import (
    DriverConnection,
    driver_of,
    reader_engine,
    truncate_wal,
    writer_engine,
)
from gateway.store.errors import RowRefused
from gateway.store.faults import EnvironmentFault, in_our_words
from gateway.store.file import database_path
from gateway.store.prepared import prepare_select
from gateway.store.sequencer import Head
from gateway.store.start import Last, begin_run, probe_rows
from gateway.store.statements import Unit
from gateway.store.vault import Vault


class SqliteDatabase:
    """A `Database`. Make it with `open`."""

    def __init__(
        self, *, lock: DirectoryLock, disk: Disk, reader: AsyncEngine, engine: AsyncEngine, driver: DriverConnection,
        head: Head,
    ) -> None:  # fmt: skip
        """driver: the one connection of the engine."""
        self._lock = lock
        self._disk = disk
        self._reader = reader
        self.engine = engine
        self._driver = driver
        self._head = head

    @classmethod
    async def open(cls, data_dir: Path, vault: Vault, *, free_space_floor: int) -> "SqliteDatabase":
        """Lock the directory, check and migrate the file, and make the last run's state safe to go on from.

        Raises: StoreLocked, SchemaTooNew, DamagedStore, KeyMismatch, StoreFull, StoreSick.
        """
        database = database_path(data_dir)
        lock = DirectoryLock(data_dir)
        engine = writer_engine(database)
        try:
            os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            from gateway.store.migrate import prepare  # late: Alembic, which those who only read do without

            await asyncio.to_thread(prepare, database)
            with in_our_words():
                async with engine.begin() as conn:
                    head = await begin_run(conn, vault, last=Last.ENDED)  # the lock says so
                async with engine.connect() as conn:
                    driver = await driver_of(conn)  # the one that there is
        except BaseException:
            await engine.dispose()
            lock.release()
            raise
        disk = Disk(database, floor_bytes=free_space_floor)
        return cls(lock=lock, disk=disk, reader=reader_engine(database), engine=engine, driver=driver, head=head)

    @property
    def is_alone(self) -> bool:
        """As `Database.is_alone`: the directory is locked."""
        return True

    def fault(self) -> EnvironmentFault | None:
        """A missing file, or free space below the floor."""
        return self._disk.fault()

    async def write(self, units: Sequence[Unit]) -> None:
        """As `Database.write`."""
        head = self._head
        with _refusals():
            self._head = await self._driver.run(lambda connection: _write(connection, units, head))

    async def transact(self, work: Work[T], events: EventsOf[T] | None) -> T:
        """As `Database.transact`."""
        with _refusals():
            return await self._transact(work, events)

    async def _transact(self, work: Work[T], events: EventsOf[T] | None) -> T:
        async with self.engine.begin() as conn:
            result = await work(conn)
            head, made = self._head, events(result) if events is not None else ()
            head = await self._driver.run(lambda connection: sequencer.append(connection, head, made))
        self._head = head
        return result

    async def probe(self) -> None:
        """As `Database.probe`."""
        async with self.engine.begin() as conn:
            await probe_rows(conn)

    async def tidy(self) -> bool:
        """Move the WAL into the database and cut it to nothing, so that no old page keeps a destroyed key (KY-06)."""
        return await truncate_wal(self.engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """As `Database.read`."""
        with in_our_words():
            async with self._reader.connect() as conn:
                yield conn

    async def fetch(self, statement: sa.Select[Any], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """As `Database.fetch`."""
        select = prepare_select(statement, tuple(rows[0]))
        async with self.read() as conn:
            driver = await driver_of(conn)
            return await driver.run(lambda connection: select.fetch(connection, rows))

    async def close(self) -> None:
        """Close the connections and give the directory back."""
        await self._reader.dispose()
        await self.engine.dispose()
        self._lock.release()


def _write(connection: sqlite3.Connection, units: Sequence[Unit], head: Head) -> Head:
    """A batch as one transaction, in the connection's thread. Returns: the head of the audit log after it."""
    connection.execute("BEGIN IMMEDIATE")  # the lock first, so that it never has to be upgraded
    try:
        run_changes(connection, units)
        head = sequencer.append(connection, head, [event for unit in units for event in unit.events])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have ended it already
            connection.execute("ROLLBACK")
        raise
    return head


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise RowRefused(str(error)) from None
    except sa.exc.IntegrityError as error:
        raise RowRefused(str(error.orig)) from None
