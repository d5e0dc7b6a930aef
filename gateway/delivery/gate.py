"""How many deliveries are at one destination at once: at a host, whatever domains they are for, or for a domain."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.delivery.shaper import Shaper


class Gate:
    """Lets in as many as the host's window has room for, in the order in which they came."""

    def __init__(self, shaper: Shaper) -> None:
        """shaper: of hosts, or of domains."""
        self._shaper = shaper
        self._inside: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_closed = False

    def close(self) -> None:
        """Let nobody in who may turn back: he is cancelled, and his mail is as it was. Who is inside goes on."""
        self._is_closed = True
        everybody = [turn for turns in self._waiting.values() for turn in turns if not turn.done()]
        self._waiting.clear()
        for turn in everybody:
            turn.set_result(None)

    @asynccontextmanager
    async def passage(self, host: str, *, may_turn_back: bool = False) -> AsyncIterator[bool]:
        """Wait for room and hold it. Gives: False when the host rests, and then nobody waits.

        may_turn_back: nothing is known yet that would be lost. Raises: CancelledError for such a one when it is closed.
        """
        while not (self._shaper.is_resting(host) or self._shaper.fits(host, self._inside[host])):
            if self._is_closed and may_turn_back:
                break
            await self._wait(host)
        if self._is_closed and may_turn_back:
            raise asyncio.CancelledError
        if self._shaper.is_resting(host):
            self._wake(host)  # it may rest only since he was woken
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
        """Somebody is inside, since a window is never below one, and who leaves wakes those for whom there is room."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake(host)  # he was woken and does not come: the room is the next one's
            raise

    def _wake(self, host: str) -> None:
        """As many look again as there is room for, since the window may have grown; all of them when the host rests."""
        waiting, woken = self._waiting.get(host, deque()), 0
        while waiting and (self._shaper.is_resting(host) or self._shaper.fits(host, self._inside[host] + woken)):
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                woken += 1
        if not waiting:
            self._waiting.pop(host, None)
