"""How many messages are in memory at once: a few of everybody's, and of one reader only a share of them.

Without the share, one reader who downloads slowly would keep all others from their messages.
"""

import asyncio
from collections import Counter


class RoomFull(Exception):
    """No place now, or this reader has its share: come back in a moment."""


class Room:
    """places: messages at once. share: of one reader."""

    def __init__(self, *, places: int, share: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._share = share
        self._inside: Counter[bytes] = Counter()

    async def enter(self, reader: bytes, *, may_wait: bool) -> None:
        """Take a place; `leave` gives it back. may_wait: for a place, never for the reader's own share.

        Raises: RoomFull.
        """
        if self._inside[reader] >= self._share or (self._places.locked() and not may_wait):
            raise RoomFull
        self._inside[reader] += 1
        try:
            await self._places.acquire()
        except BaseException:
            self._forget(reader)
            raise

    def leave(self, reader: bytes) -> None:
        self._forget(reader)
        self._places.release()

    def _forget(self, reader: bytes) -> None:
        self._inside[reader] -= 1
        if not self._inside[reader]:
            del self._inside[reader]
