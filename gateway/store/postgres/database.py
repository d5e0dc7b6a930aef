"""The store on PostgreSQL: one writing connection, a few that read, and what happens when the server goes away."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.compiling import Row
from gateway.store.database import CommitUnknown, EventsOf, T, Work
from gateway.store.disk import DirectoryLock
from gateway.store.errors import StoreLocked, StoreSick
from gateway.store.faults import EnvironmentFault
from gateway.store.migrate import is_newest, upgrade
from gateway.store.postgres import pipelined
from gateway.store.postgres.connect import Connection, Mode, WriterLine, connect, driver_of, reader_engine
from gateway.store.postgres.faults import Collided, in_our_words
from gateway.store.rotation import CHECK_NAME
from gateway.store.start import Last, begin_run, probe_rows
from gateway.store.statements import Unit
from gateway.store.vault import Vault

PATIENCE_S: Final = 3.0
AGAIN_S: Final = 0.1
TRIES: Final = 5  # of a transaction that collided with another process's
DECIDED: Final = {"committed": True, "aborted": False, None: False}  # None: too old to be ours, or of another server


class PostgresDatabase:
    """A `Database`. Make it with `open`."""

    def __init__(self, url: str, line: WriterLine, lock: DirectoryLock) -> None:
        self._line = line
        self._lock = lock
        self._reader = reader_engine(url)

    @classmethod
    async def open(cls, url: str, data_dir: Path, vault: Vault, *, is_alone: bool) -> "PostgresDatabase":
        """Lock directory and database, migrate, and make the last run's state safe to go on from.

        is_alone: refuse to start beside others; else leases and content of others are left alone.
        Raises: StoreLocked, StoreUnsupported, SchemaTooNew, DamagedStore, KeyMismatch, StoreFull, StoreSick.
        """
        lock = DirectoryLock(data_dir)
        line = WriterLine(url, Mode.ALONE)
        try:
            with in_our_words():
                await _begin(line, vault, is_alone=is_alone)
        except BaseException:
            await line.close()
            lock.release()
            raise
        return cls(url, line, lock)

    @property
    def is_alone(self) -> bool:
        """As `Database.is_alone`."""
        return self._line.mode is Mode.ALONE

    def fault(self) -> EnvironmentFault | None:
        """Nothing that shows without asking the server."""
        return None

    async def write(self, units: Sequence[Unit]) -> None:
        """As `Database.write`."""
        for tries_left in reversed(range(TRIES)):
            try:
                with in_our_words():
                    await self._write(units)
                return
            except Collided:
                if not tries_left:
                    raise StoreSick("PostgreSQL: other processes are in the way, again and again") from None

    async def transact(self, work: Work[T], events: EventsOf[T] | None) -> T:
        """As `Database.transact`; work is not repeated when it collides."""
        with in_our_words():
            await self._connection()
            async with self._line.engine.connect() as conn:
                raw = await driver_of(conn)
                await conn.begin()
                try:
                    # Through SQLAlchemy, which opens the transaction with the first statement that it executes.
                    name = str((await conn.exec_driver_sql("SELECT pg_current_xact_id()::text")).scalar_one())
                    result = await work(conn)
                    await pipelined.append(raw, events(result) if events is not None else ())
                except BaseException:
                    await conn.rollback()
                    raise
                try:
                    await conn.commit()
                except Exception:
                    self._line.drop()
                    raise CommitUnknown(name, partial(self.was_committed, name), result) from None
        return result

    async def was_committed(self, transaction: str) -> bool:
        """For `CommitUnknown`. A transaction still running has a session holding our lock. Raises: StoreSick."""
        with in_our_words():
            raw = await self._connection()
            try:
                status: str | None = await raw.fetchval("SELECT pg_xact_status($1::text::xid8)", transaction)
            except asyncpg.InvalidParameterValueError:  # "in the future": a server that took over without it
                return False
        if status not in DECIDED:
            raise StoreSick(f"PostgreSQL: a commit is still {status}")
        return DECIDED[status]

    async def probe(self) -> None:
        """As `Database.probe`."""
        with in_our_words():
            await self._connection()
            async with self._line.engine.begin() as conn:
                await probe_rows(conn)

    async def tidy(self) -> bool:
        """Old row versions are for the server's autovacuum."""
        return True

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """As `Database.read`."""
        with in_our_words():
            conn = await self._reader.connect()
        try:
            with in_our_words(may_connect=False):
                yield conn
        finally:
            await conn.close()

    async def fetch(self, statement: sa.Select[Any], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """As `Database.fetch`."""
        async with self.read() as conn:
            return await pipelined.fetch(await driver_of(conn), statement, rows)

    async def close(self) -> None:
        """Close the connections, which gives the lock back, and the directory."""
        await self._reader.dispose()
        await self._line.close()
        self._lock.release()

    async def _connection(self) -> Connection:
        try:
            return await self._line.connection()
        except StoreLocked:
            raise StoreSick("PostgreSQL: another Mailward process has taken the database over") from None

    async def _write(self, units: Sequence[Unit]) -> None:
        raw = await self._connection()
        await raw.execute("BEGIN")
        try:
            await pipelined.run_changes(raw, units)
            name = await pipelined.transaction_id(raw)
            await pipelined.append(raw, [event for unit in units for event in unit.events])
        except BaseException:
            await self._line.roll_back()
            raise
        try:
            await raw.execute("COMMIT")
        except Exception:  # not only a lost connection: a commit that is waiting for a standby can be cancelled
            self._line.drop()
            raise CommitUnknown(name, partial(self.was_committed, name)) from None


async def holds_data(url: str) -> bool:
    """Whether something in the database was sealed by a master key. Raises: StoreSick, StoreUnsupported."""
    with in_our_words():
        raw = await connect(url, {})
        try:
            if await raw.fetchval("SELECT to_regclass('secret') IS NULL"):
                return False
            return bool(await raw.fetchval("SELECT EXISTS (SELECT FROM secret WHERE name = $1)", CHECK_NAME))
        finally:
            await raw.close()


async def _begin(line: WriterLine, vault: Vault, *, is_alone: bool) -> None:
    """Whoever is the only one migrates and cleans up after those before; who is not leaves that alone."""
    try:
        raw = await _patiently(line) if is_alone else await line.connection()
        last = Last.ENDED
    except StoreLocked:
        if is_alone:
            raise
        line.mode = Mode.AMONG_OTHERS
        raw = await line.connection()
        last = Last.MAY_RUN
    async with line.engine.begin() as conn:
        if last is Last.ENDED:
            await conn.run_sync(upgrade, "store.url")
        elif not await conn.run_sync(is_newest):
            raise StoreLocked("store.url: others run on this database with another schema; stop them first")
        await pipelined.lock_log(raw)
        await begin_run(conn, vault, last=last)
    if last is Last.ENDED and not is_alone:
        await line.share()


async def _patiently(line: WriterLine) -> Connection:
    """The server gives the lock of a process that was killed back a moment later: when its session notices."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await line.connection()
        except StoreLocked:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(AGAIN_S)
