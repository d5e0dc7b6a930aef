"""Connections kept for the next message, and how many may be open at once.

A kept connection serves messages with the same host, port and TLS requirement only: what one proved, another may rely
on.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.config.smart_hosts import Identity
from gateway.delivery.connection import Connection

KEPT_LIMIT: Final = 200  # idle connections in all
GOODBYE_S: Final = 2.0  # for QUIT and close_notify of all kept connections together


@dataclass(frozen=True, slots=True)
class PeerKey:
    """What makes two connections interchangeable. kept_for: `Requirement.kept_for`."""

    host: str
    port: int
    kept_for: tuple[object, ...]
    identity: Identity | None = None  # who we are there: nobody sends as somebody else


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """idle_s: kept without work. age_s: from opening to the last message. messages: over one connection.

    per_destination, overall: connections at once.
    """

    idle_s: float = 10
    age_s: float = 300
    messages: int = 100
    per_destination: int = 20
    overall: int = 200


@dataclass(slots=True, eq=False)
class _Kept:
    connection: Connection
    timer: asyncio.TimerHandle


class Pool:
    """Kept connections, the freshest first."""

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._kept: dict[PeerKey, deque[_Kept]] = {}

    def take(self, key: PeerKey, domain: str) -> Connection | None:
        """A connection that is ready for a message to this domain, no longer kept; None when there is none."""
        for last in reversed(self._kept.get(key, deque()).copy()):
            if last.connection.is_usable and not last.connection.admits(domain):
                continue  # RFC 9422 section 4.3: for others it still is good
            self._forget(key, last)
            if last.connection.is_usable:
                return last.connection
            last.connection.close()
        return None

    def _forget(self, key: PeerKey, one: _Kept) -> None:
        one.timer.cancel()
        self._kept[key].remove(one)
        if not self._kept[key]:
            del self._kept[key]

    def keep(self, key: PeerKey, connection: Connection) -> None:
        """Keep a connection for others, or close it when it has done enough."""
        loop = asyncio.get_running_loop()
        is_spent = connection.sent >= self._limits.messages or loop.time() - connection.opened_at > self._limits.age_s
        if is_spent or not connection.is_usable or sum(map(len, self._kept.values())) >= KEPT_LIMIT:
            connection.close()
            return
        timer = loop.call_later(self._limits.idle_s, self._expire, key, connection)
        self._kept.setdefault(key, deque()).append(_Kept(connection, timer))

    async def close(self) -> None:
        """Say goodbye to all; whoever does not take it in time is left without."""
        everybody = [one for kept in self._kept.values() for one in kept]
        self._kept.clear()
        for one in everybody:
            one.timer.cancel()
            one.connection.close()
        try:
            async with asyncio.timeout(GOODBYE_S):
                for one in everybody:
                    await one.connection.wait_closed()
        except TimeoutError:
            for one in everybody:
                one.connection.abort()

    def _expire(self, key: PeerKey, connection: Connection) -> None:
        rest = deque(kept for kept in self._kept.get(key, ()) if kept.connection is not connection)
        if rest:
            self._kept[key] = rest
        else:
            self._kept.pop(key, None)
        connection.close()


class Slots:
    """Limits how many deliveries run at once, for one destination and in all.

    Whoever waits for a busy destination holds no slot that another could use.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._overall = asyncio.Semaphore(limits.overall)
        self._destinations: dict[str, tuple[asyncio.Semaphore, int]] = {}  # with the number of those who hold or wait

    @asynccontextmanager
    async def slot(self, destination: str) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        semaphore, users = self._destinations.get(destination, (None, 0))
        semaphore = semaphore or asyncio.Semaphore(self._limits.per_destination)
        self._destinations[destination] = (semaphore, users + 1)
        try:
            async with semaphore, self._overall:
                yield
        finally:
            _, users = self._destinations.pop(destination)
            if users > 1:
                self._destinations[destination] = (semaphore, users - 1)
