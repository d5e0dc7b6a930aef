"""Ask a child where the bodies of a message stand and what in them is to be masked, and make the changes here.

As with `converter`, the child names places and chooses from a few words; what it says is looked at like a stranger's,
and no octet of its own is ever in a message.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.inspect.wire import pack_custom
from gateway.message.bodyedit import Body, BodyEditError, Obstacle, edit
from gateway.workers.errors import ChildCrashed, ChildTimeout
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool
from policy.phi.custom.detect import Custom
from policy.phi.report import Kind

MODULE: Final = "gateway.inspect.edit_child"
LIMITS: Final = Limits(jobs=200)


class Wish(msgspec.Struct, frozen=True):
    """What is asked of a child. kinds: to mask. adds: something is put below."""

    kinds: tuple[Kind, ...]
    adds: bool


class Bodies(msgspec.Struct, frozen=True, tag=True):
    """Where they stand."""

    bodies: tuple[Body, ...]


class Impossible(msgspec.Struct, frozen=True, tag=True):
    """Why it cannot be done: one of a few sentences."""

    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Edited:
    """data: the new message. masked: how many values of each kind."""

    data: bytes
    masked: Mapping[Kind, int]


_ANSWERS: Final = msgspec.msgpack.Decoder(Bodies | Impossible)
_ENCODER: Final = msgspec.msgpack.Encoder()


class Editor:
    """Changes in the children of `pool`, which starts with the first."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._starting = asyncio.Lock()
        self._is_started = False

    async def edit(self, data: bytes, *, below: Sequence[str], kinds: Collection[Kind]) -> Edited:
        """The message with paragraphs below its bodies, and values of these kinds masked in them.

        data: the whole message, CRLF lines.
        Raises: BodyEditError, also when two children failed on it; PoolUnavailable (try again later).
        """
        async with self._starting:
            if not self._is_started:
                await self._pool.start()
                self._is_started = True
        wish = _ENCODER.encode(Wish(kinds=tuple(sorted(kinds)), adds=bool(below)))
        for is_fresh in (False, True):
            try:
                answer = _ANSWERS.decode(await self._pool.call(wish, data, is_fresh=is_fresh))
            except (ChildCrashed, ChildTimeout):
                continue
            if isinstance(answer, Impossible):
                raise BodyEditError(answer.obstacle)
            if not answer.bodies or any(cut.kind not in kinds for body in answer.bodies for cut in body.cuts):
                break
            masked = Counter(cut.kind for body in answer.bodies for cut in body.cuts)
            return Edited(await asyncio.to_thread(edit, data, answer.bodies, below=below), masked)
        raise BodyEditError(Obstacle.UNCLEAR)


def edit_pool(size: int = 1, *, module: str = MODULE, custom: Custom | None = None) -> ChildPool:
    """The children; `Editor` starts them, to stop them is the daemon's duty. custom: what the organisation added."""
    return ChildPool(module, size, LIMITS, "editor", accepts=_is_answer, setup=pack_custom(custom or Custom()))


def _is_answer(answer: bytes) -> bool:
    try:
        _ANSWERS.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
