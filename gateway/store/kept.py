"""What a register says, kept in memory: every message asks, and registers hardly ever change."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.vault import Vault

T = TypeVar("T")


class Readable(Protocol):
    """A store as far as it is read: the gateway's own, or one that a command looks into beside it."""

    @property
    def vault(self) -> Vault: ...

    @property
    def registers_revision(self) -> int: ...

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class Kept(Generic[T]):
    """The result of one reading of an open store, never older than its registers. read: must be repeatable."""

    def __init__(self, store: Readable, read: Callable[[AsyncConnection], Awaitable[T]]) -> None:
        self._store = store
        self._read = read
        self._reading = asyncio.Lock()
        self._known: tuple[int, T] | None = None  # the revision that it was read at, or a later one

    async def current(self) -> T:
        """Read anew after a change; many who ask at once wait for one reading. Raises: StoreSick."""
        known = self._known
        if known is not None and known[0] == self._store.registers_revision:
            return known[1]
        async with self._reading:
            revision = self._store.registers_revision  # before reading: a change meanwhile is read the next time
            if self._known is None or self._known[0] != revision:
                async with self._store.read() as conn:
                    self._known = revision, await self._read(conn)
            return self._known[1]
