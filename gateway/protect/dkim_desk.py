"""Where signatures are asked for: a process of its own makes them, those wanted at the same time together.

In a thread of the gateway's they cost several times as much: OpenSSL gives the interpreter's lock away for each and
waits for it again, beside a loop that nearly always has it (docs/performance.md). The process gets messages and keys
and gives back the fields that are put on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.protect.dkim_child import KeyParts, Made, Order, Task
from gateway.protect.errors import SignError
from gateway.together import Asked, Together, waiting
from gateway.workers.errors import PoolUnavailable, WorkerError
from gateway.workers.frames import HEADER_MAX
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.protect.dkim_child"
LIMITS: Final = Limits(jobs=100_000, memory_bytes=1024 * 1024 * 1024)
TOGETHER: Final = 32  # messages in one job
TOGETHER_BYTES: Final = 256 * 1024

_ANSWERS: Final = msgspec.msgpack.Decoder(list[Made])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one message needs: a field by each key."""

    message: bytes = field(repr=False)
    keys: Sequence[KeyParts]
    now: int


_Asked = Asked[Wanted, bytes]


class SigningDesk:
    """Signature fields by the children of `pool`, which starts with the first."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._line: Together[Wanted, bytes] = Together(
            self._serve, name="signatures", most=TOGETHER, most_size=TOGETHER_BYTES
        )
        self._is_started = False

    async def fields(self, message: bytes, keys: Sequence[KeyParts], *, now: int) -> bytes:
        """The signature fields of a message, one for each key in their order; now: seconds since 1970.

        Raises: SignError for what is not signed (`signature_fields`), when two children failed, or none starts.
        """
        return await self._line.ask(Wanted(message, keys, now), len(message))

    async def _serve(self, batch: list[_Asked], *, is_last: bool = False) -> None:
        """After a failure, which ends the child, each is tried alone: one that kills fails alone."""
        batch = waiting(batch)
        if not batch:
            return
        order = _order([asked.question for asked in batch])
        if len(order) > HEADER_MAX and len(batch) > 1:  # keys of many domains
            middle = len(batch) // 2
            await self._serve(batch[:middle], is_last=is_last)
            await self._serve(batch[middle:], is_last=is_last)
            return
        try:
            answers = await self._ask(order, [asked.question.message for asked in batch])
        except Exception as why:  # the callers get it
            if is_last or isinstance(why, PoolUnavailable):
                _refuse(batch, why)
                return
            for asked in batch:
                await self._serve([asked], is_last=True)
            return
        for asked, made in zip(batch, answers, strict=True):
            if asked.answer.done():
                continue
            if made.refused:
                asked.answer.set_exception(SignError(made.refused))
            else:
                asked.answer.set_result(made.fields)

    async def _ask(self, order: bytes, messages: list[bytes]) -> list[Made]:
        """Raises: WorkerError; ValueError for an answer of another length, or for too many keys."""
        if not self._is_started:
            await self._pool.start()
            self._is_started = True
        blob = messages[0] if len(messages) == 1 else b"".join(messages)  # a large one is alone, and not copied
        answers = _ANSWERS.decode(await self._pool.call(order, blob))
        if len(answers) != len(messages):
            raise ValueError("not one answer for each message")
        return answers


def _order(wanted: Sequence[Wanted]) -> bytes:
    """Each key travels once."""
    places: dict[KeyParts, int] = {}
    tasks = [
        Task(len(one.message), [places.setdefault(key, len(places)) for key in one.keys], one.now) for one in wanted
    ]
    return msgspec.msgpack.encode(Order(list(places), tasks))


def _refuse(batch: list[_Asked], why: Exception) -> None:
    reason = str(why) if isinstance(why, WorkerError) else type(why).__name__
    for asked in waiting(batch):
        asked.answer.set_exception(SignError(f"no signature could be made: {reason}"))


def signing_pool(size: int = 1, *, module: str = MODULE) -> ChildPool:
    """The children; `SigningDesk` starts them, to stop them is the daemon's duty."""
    return ChildPool(module, size, LIMITS, "signer", accepts=_is_answer)


def _is_answer(answer: bytes) -> bool:
    try:
        _ANSWERS.decode(answer)
    except msgspec.DecodeError:
        return False
    return True
