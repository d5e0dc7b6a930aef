"""Where signatures are asked for: a process of its own makes them, those wanted at the same time together.

In a thread of the gateway's they cost several times as much: OpenSSL gives the interpreter's lock away for each and
waits for it again, beside a loop that nearly always has it (docs/performance.md). The process gets octets and a key and
gives back octets; the field around a signature is written by `dkim_fields`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.protect.dkim_child import Wanted
from gateway.protect.errors import SignError
from gateway.workers.errors import PoolUnavailable, WorkerError
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.protect.dkim_child"
LIMITS: Final = Limits(jobs=100_000, memory_bytes=1024 * 1024 * 1024)
TOGETHER: Final = 64  # messages in one job
TOGETHER_BYTES: Final = 1024 * 1024

_ANSWERS: Final = msgspec.msgpack.Decoder(list[bytes])


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What one message needs. size: of it all, in octets."""

    wanted: Sequence[Wanted]
    size: int
    answer: "asyncio.Future[list[bytes]]"


class SigningDesk:
    """Signatures by the children of `pool`, which starts with the first."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._asked: deque[_Asked] = deque()
        self._working: asyncio.Task[None] | None = None  # while anybody waits
        self._is_started = False

    async def signatures(self, wanted: Sequence[Wanted]) -> list[bytes]:
        """One for each that is wanted, in their order. Raises: SignError, when two children failed or none starts."""
        size = sum(len(one.der) + len(one.data) for one in wanted)
        asked = _Asked(wanted, size, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="signatures")
        return await asked.answer

    async def _work(self) -> None:
        """Until nobody waits; it begins after those that were started together have asked. Never raises."""
        while self._asked:
            await self._serve(self._collect())
        self._working = None

    def _collect(self) -> list[_Asked]:
        batch = [self._asked.popleft()]
        size = batch[0].size
        while self._asked and len(batch) < TOGETHER and size + self._asked[0].size <= TOGETHER_BYTES:
            batch.append(self._asked.popleft())
            size += batch[-1].size
        return batch

    async def _serve(self, batch: list[_Asked], *, is_last: bool = False) -> None:
        """After a failure, which ends the child, each is tried alone: one that kills fails alone."""
        batch = [asked for asked in batch if not asked.answer.done()]  # the others were cancelled
        if not batch:
            return
        try:
            answers = await self._ask([one for asked in batch for one in asked.wanted])
        except Exception as why:  # the callers get it
            if is_last or isinstance(why, PoolUnavailable):
                _refuse(batch, why)
                return
            for asked in batch:
                await self._serve([asked], is_last=True)
            return
        made = iter(answers)
        for asked in batch:
            own = [next(made) for _ in asked.wanted]
            if not asked.answer.done():
                asked.answer.set_result(own)

    async def _ask(self, wanted: list[Wanted]) -> list[bytes]:
        """Raises: WorkerError; ValueError for an answer of another length."""
        if not self._is_started:
            await self._pool.start()
            self._is_started = True
        answers = _ANSWERS.decode(await self._pool.call(b"", msgspec.msgpack.encode(wanted)))
        if len(answers) != len(wanted):
            raise ValueError("not one signature for each that was wanted")
        return answers


def _refuse(batch: list[_Asked], why: Exception) -> None:
    reason = str(why) if isinstance(why, WorkerError) else type(why).__name__
    for asked in batch:
        if not asked.answer.done():
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
