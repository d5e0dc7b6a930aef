"""Ask a child what a message must change for 7-bit transport, and make the changes here.

The child may have been taken over by the message that it read. It names spans and chooses from a few changes
(`gateway.message.sevenbit`); it hands no octet of mail back, so none of its own is ever signed.
"""

import asyncio
from typing import Final

import msgspec

from gateway.inspect.eightbit import NoSevenBitForm, Obstacle
from gateway.message.sevenbit import Edit, SevenBitError, to_seven_bit
from gateway.workers.errors import ChildCrashed, ChildTimeout
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.inspect.convert_child"
LIMITS: Final = Limits(jobs=50)


class Plan(msgspec.Struct, frozen=True, tag=True):
    """The edits, in the order of the message."""

    edits: tuple[Edit, ...]


class Impossible(msgspec.Struct, frozen=True, tag=True):
    """Why there are none: one of a few sentences, so that a child has no words of its own in our mail."""

    obstacle: Obstacle


_ANSWERS: Final = msgspec.msgpack.Decoder(Plan | Impossible)


class Converter:
    """Conversions in the children of `pool`, which starts with the first: few servers are without 8BITMIME."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._starting = asyncio.Lock()
        self._is_started = False

    async def to_seven_bit(self, data: bytes) -> bytes:
        """The 7-bit form of a message; it is the message itself where nothing has to change.

        data: the whole message, CRLF lines.
        Raises: NoSevenBitForm, also when two children failed on it; PoolUnavailable (try again later).
        """
        async with self._starting:
            if not self._is_started:
                await self._pool.start()
                self._is_started = True
        for is_fresh in (False, True):
            try:
                answer = _ANSWERS.decode(await self._pool.call(b"", data, is_fresh=is_fresh))
            except (ChildCrashed, ChildTimeout):
                continue
            if isinstance(answer, Impossible):
                raise NoSevenBitForm(answer.obstacle)
            try:
                return await asyncio.to_thread(to_seven_bit, data, answer.edits)
            except SevenBitError:
                break
        raise NoSevenBitForm(Obstacle.UNCLEAR)


def convert_pool(size: int = 1, *, module: str = MODULE) -> ChildPool:
    """The children; `Converter` starts them, to stop them is the daemon's duty."""
    return ChildPool(module, size, LIMITS, "converter", accepts=_is_answer)


def _is_answer(answer: bytes) -> bool:
    try:
        _ANSWERS.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
