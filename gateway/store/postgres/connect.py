"""The ways into PostgreSQL: one connection that writes and holds a lock for as long as it lives, and a few that read.

How this works: whoever writes holds an advisory lock *of the writing session*. When the connection goes, the lock goes
with it, and a new connection writes only after it has the lock again, so nobody writes who has lost it. An exclusive
lock means that this process is the only one on this database; a shared one that there may be others like it.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.store.errors import StoreLocked, StoreSick

Connection = Any  # asyncpg.Connection; asyncpg ships no types

CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 30.0  # for a server that is gone without a word; the server's own limits come first
READERS: Final = 4
OLDEST_VERSION: Final = 13_00_00  # pg_xact_status for 64-bit ids
LOCK_CLASS: Final = 0x4D57  # "MW"; advisory locks are numbers, and others may use some in the same database
RUN_LOCK: Final = 1
AUDIT_LOCK: Final = 2

SESSION: Final[Mapping[str, str]] = {
    "application_name": "mailward",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "25s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",  # a process that was stopped does not hold the others up for ever
    "tcp_keepalives_idle": "20",  # seconds: a node that vanished gives its lock back within a minute
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
FACTS: Final = """
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_encoding') AS encoding,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes,
           pg_is_in_recovery() AS is_standby,
           'B' < 'a' AND 'a-b' < 'aa' AS sorts_by_bytes
"""


class Mode(Enum):
    """Who else may write, and what asks for the lock that says so."""

    ALONE = "pg_try_advisory_lock"
    AMONG_OTHERS = "pg_try_advisory_lock_shared"


class WriterLine:
    """The one writing connection, made again after it was lost."""

    def __init__(self, url: str, mode: Mode) -> None:
        self._url = url
        self.mode = mode
        self._raw: Connection | None = None
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            poolclass=sa.pool.AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            pool_reset_on_return=None,  # Engine.begin() commits or rolls back
            hide_parameters=True,
        )

    async def connection(self) -> Connection:
        """The driver's connection, a new one where the last is gone. Raises: StoreLocked, StoreSick, as `connect`."""
        if self._raw is None or self._raw.is_closed():
            self.drop()
            await self.engine.dispose()
            async with self.engine.connect():
                pass
        return self._raw

    async def roll_back(self) -> None:
        """End a transaction that failed, or the connection with it."""
        raw = self._raw
        try:
            if raw is not None and not raw.is_closed():
                await raw.execute("ROLLBACK")
        except Exception:  # whatever it is, this connection is not used again
            self.drop()

    def drop(self) -> None:
        """Close the connection without waiting for anybody."""
        if self._raw is not None:
            self._raw.terminate()
        self._raw = None

    async def share(self) -> None:
        """Let others like this process in, now that what only one may do is done."""
        raw = await self.connection()
        self.mode = Mode.AMONG_OTHERS
        await raw.execute(f"SELECT {Mode.AMONG_OTHERS.value}({LOCK_CLASS}, {RUN_LOCK})")
        await raw.execute(f"SELECT pg_advisory_unlock({LOCK_CLASS}, {RUN_LOCK})")

    async def close(self) -> None:
        await self.engine.dispose()
        self.drop()

    async def _connect(self) -> Connection:
        raw = await connect(self._url, SESSION)
        try:
            await _check(raw)
            if not await raw.fetchval(f"SELECT {self.mode.value}({LOCK_CLASS}, {RUN_LOCK})"):
                raise StoreLocked("store.url: another Mailward process uses this database")
        except BaseException:
            raw.terminate()
            raise
        self._raw = raw
        return raw


async def driver_of(conn: AsyncConnection) -> Connection:
    """What stands behind a connection of SQLAlchemy."""
    return (await conn.get_raw_connection()).driver_connection


async def connect(url: str, session: Mapping[str, str]) -> Connection:
    """One connection. Raises: the driver's errors, OSError, TimeoutError."""
    return await asyncpg.connect(
        url, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S, server_settings=dict(session)
    )


def reader_engine(url: str) -> AsyncEngine:
    """Connections that cannot write; each statement sees its own snapshot."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, {**SESSION, "default_transaction_read_only": "on"}),
        pool_size=READERS,
        max_overflow=0,
        pool_pre_ping=True,  # after a restart of the server the first reader need not fail
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )


async def _check(raw: Connection) -> None:
    """Refuse a server that would lose acknowledged commits, or order text by a dictionary (QD-13, QD-16).

    synchronous_commit is then fixed for the session, so that a reload of the server's configuration cannot turn it off.
    Raises: StoreSick.
    """
    facts = await raw.fetchrow(FACTS)
    for name in ("synchronous_commit", "fsync", "full_page_writes"):
        if facts[name] == "off":
            raise StoreSick(f"PostgreSQL: {name} is off, so it may lose mail that was acknowledged; set it to on")
    if facts["version"] < OLDEST_VERSION:
        raise StoreSick("PostgreSQL is older than version 13; upgrade it")
    if facts["is_standby"]:
        raise StoreSick("PostgreSQL: this server is a standby and cannot be written; name the primary in store.url")
    if facts["encoding"] != "UTF8" or not facts["sorts_by_bytes"]:
        raise StoreSick(
            "PostgreSQL: the database has another encoding or sort order than Mailward needs; make it with"
            " createdb --template=template0 --encoding=UTF8 --locale=C"
        )
    await raw.execute("SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)")
