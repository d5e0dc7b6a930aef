"""How many deliveries are at one destination at once: at a host, whatever domains they are for, or for a domain."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.delivery.shaper import Shaper


class Gate:
    """Lets in as many as the host's window has room for, in the order in which they came."""

    def __init__(self, shaper: Shaper) -> None:
        """shaper: of hosts, or of domains."""
        self._shaper = shaper
        self._inside: Counter[str] = Counter()
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def passage(self, host: str) -> AsyncIterator[bool]:
        """Wait for room and hold it. Gives: False when the host rests, and then nobody waits."""
        while not self._shaper.is_resting(host) and not self._shaper.fits(host, self._inside[host]):
            await self._wait(host)
        if self._shaper.is_resting(host):
            yield False
            return
        self._inside[host] += 1
        try:
            yield True
        finally:
            self._inside[host] -= 1
            if not self._inside[host]:
                del self._inside[host]
            self._wake(host)

    async def _wait(self, host: str) -> None:
        """Somebody is inside, since a window is never below one; all who leave wake all who wait."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, []).append(turn)
        await turn

    def _wake(self, host: str) -> None:
        """All of them look again: the window may have grown by more than one, or the host rests."""
        for turn in self._waiting.pop(host, ()):
            if not turn.done():
                turn.set_result(None)
