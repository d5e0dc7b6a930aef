"""Ask a child to read a stored message for the portal."""

from typing import Final

import msgspec

from gateway.inspect.render import Attached, Refused, Rendered
from gateway.workers.errors import ChildCrashed, ChildTimeout
from gateway.workers.limits import MIB, Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.inspect.render_child"
# An answer holds one attachment, or the whole text of a message.
LIMITS: Final = Limits(wall_s=20.0, jobs=200, waiting=100, answer_bytes=256 * MIB, memory_bytes=2048 * MIB)


class UnshowableError(Exception):
    """The message cannot be shown, or has no such attachment: offer the whole message as a file instead."""


class Renderer:
    """Messages as values to show; the reading happens in the children of `pool`.

    PoolUnavailable comes through: it says that we are busy, and nothing about the message.
    """

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._decoder = msgspec.msgpack.Decoder(Rendered | Attached | Refused)

    async def render(self, data: bytes) -> Rendered:
        """The message without the octets of its attachments. Raises: UnshowableError."""
        answer = await self._ask(0, data)
        if isinstance(answer, Rendered):
            return answer
        raise UnshowableError

    async def attachment(self, data: bytes, number: int) -> Attached:
        """One attachment, number from 1. Raises: UnshowableError."""
        answer = await self._ask(number, data)
        if isinstance(answer, Attached):
            return answer
        raise UnshowableError

    async def _ask(self, number: int, data: bytes) -> Rendered | Attached | Refused:
        try:
            answer: Rendered | Attached | Refused = self._decoder.decode(await self._pool.call(b"%d" % number, data))
        except (ChildCrashed, ChildTimeout) as why:
            raise UnshowableError from why
        return answer


def render_pool(size: int = 1) -> ChildPool:
    """The children for the portal; `start` and `stop` are the daemon's duty."""
    return ChildPool(MODULE, size, LIMITS, "renderer")
