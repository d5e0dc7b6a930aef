"""The audit log from outside: read-only, while the gateway writes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import checkpoint
from gateway.audit.export import export
from gateway.audit.search import Found, Query, search
from gateway.audit.verify import Verifier, describe
from gateway.config import Settings
from gateway.store.key_command import open_vault_of
from gateway.store.opening import reading

EVERYTHING: Final = 100_000  # events; the demonstration makes a few hundred


class AuditLog:
    """One open connection."""

    def __init__(self, conn: AsyncConnection, settings: Settings) -> None:
        self._conn = conn
        self._settings = settings

    async def events(self) -> tuple[Found, ...]:
        """All of them by now, in their order."""
        found = await search(self._conn, Query(limit=EVERYTHING))
        await self._conn.rollback()  # the next look sees what is written meanwhile
        return found

    async def verify(self) -> str:
        """What `mailward audit verify` does and says. Raises: BadLogError."""
        vault = open_vault_of(self._settings.seal, may_create=False)
        key = await checkpoint.public_key(self._conn, vault)
        verifier = Verifier(key, [await checkpoint.head(self._conn)])
        async for line in export(self._conn):
            verifier.feed(line)
        return describe(verifier.finish())


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[AuditLog]:
    """The log of a running gateway."""
    async with reading(settings) as conn:
        yield AuditLog(conn, settings)
