"""Whose turn it is: complete large messages wait on disk until there is memory to work on them (RX-06).

How this works: a message takes its size out of a budget from before it is read back until it is answered. Who comes
when the budget is spent waits in line behind others of the same client; clients take turns, so that one that sends two
hundred at once holds nobody else up. The next in turn is never overtaken because it is larger.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import HangUpError, RefusedError

# Each is in memory twice at a time, as it came and as it will leave; whoever is worked on longest is in an inspector.
AT_WORK: Final = 64 * 1024 * 1024  # octets of message
# Clients wait ten minutes for the reply to their last dot (RFC 5321 section 4.5.3.2.6). Then comes the inspection, with
# a time limit of its own (`pipeline.submit.INSPECTED_WITHIN_S`), and the commit: 90 s are left for that and the reply.
WITHIN_S: Final = 270.0


@dataclass(slots=True, eq=False)
class _Waiting:
    size: int
    granted: "asyncio.Future[None]"


class Turns:
    """The budget and the lines before it. limit: octets; a message that is alone always has its turn."""

    def __init__(self, limit: int = AT_WORK, *, within_s: float = WITHIN_S) -> None:
        self._limit = limit
        self._within_s = within_s
        self._used = 0
        self._lines: OrderedDict[str, deque[_Waiting]] = OrderedDict()  # by client, the next in turn first
        self._is_closing = False

    @property
    def waiting(self) -> int:
        """Messages in line."""
        return sum(map(len, self._lines.values()))

    async def wait(self, who: str, size: int) -> None:
        """Take so much of the budget, now or in turn; `give_back` it. who: a login or an address.

        Raises: RefusedError when the turn did not come in time; HangUpError when the service closes down.
        """
        if self._is_closing:
            raise HangUpError(replies.CLOSING_DOWN)
        if not self._lines and self._has_room(size):
            self._used += size
            return
        waiting = _Waiting(size, asyncio.get_running_loop().create_future())
        self._lines.setdefault(who, deque()).append(waiting)
        try:
            async with asyncio.timeout(self._within_s):
                await waiting.granted
        except BaseException as stop:
            self._leave(who, waiting)
            if isinstance(stop, TimeoutError):
                raise RefusedError(replies.NO_ROOM) from None
            raise

    def give_back(self, size: int) -> None:
        """The message was answered."""
        self._used -= size
        self._serve()

    def close(self) -> None:
        """Nobody's turn comes any more: the client still has the message (QD-18)."""
        self._is_closing = True
        for line in self._lines.values():
            for waiting in line:
                if not waiting.granted.done():
                    waiting.granted.set_exception(HangUpError(replies.CLOSING_DOWN))

    def _has_room(self, size: int) -> bool:
        return not self._used or self._used + size <= self._limit

    def _serve(self) -> None:
        while self._lines:
            who, line = next(iter(self._lines.items()))
            first = line[0]
            if not first.granted.done():
                if not self._has_room(first.size):
                    return
                self._used += first.size
                first.granted.set_result(None)
            line.popleft()
            self._lines.move_to_end(who)
            if not line:
                del self._lines[who]

    def _leave(self, who: str, waiting: _Waiting) -> None:
        """It will not come: give back a turn that came at the last moment, or the place in line."""
        granted = waiting.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self.give_back(waiting.size)
            return
        line = self._lines.get(who)
        if line and waiting in line:
            line.remove(waiting)
            if not line:
                del self._lines[who]
        self._serve()
