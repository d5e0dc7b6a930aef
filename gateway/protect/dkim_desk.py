"""Where signatures are asked for: a process of its own makes them, those wanted at the same time together.

In a thread of the gateway's they cost several times as much: OpenSSL gives the interpreter's lock away for each and
waits for it again, beside a loop that nearly always has it (docs/performance.md). The process gets octets and a key and
gives back octets; the field around a signature is written by `dkim_fields`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.protect.dkim_child import Wanted
from gateway.protect.errors import SignError
from gateway.together import Asked, Together, waiting
from gateway.workers.errors import PoolUnavailable, WorkerError
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.protect.dkim_child"
LIMITS: Final = Limits(jobs=100_000, memory_bytes=1024 * 1024 * 1024)
TOGETHER: Final = 64  # messages in one job
TOGETHER_BYTES: Final = 1024 * 1024

_ANSWERS: Final = msgspec.msgpack.Decoder(list[bytes])


_Asked = Asked[Sequence[Wanted], list[bytes]]  # what one message needs


class SigningDesk:
    """Signatures by the children of `pool`, which starts with the first."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._line: Together[Sequence[Wanted], list[bytes]] = Together(
            self._serve, name="signatures", most=TOGETHER, most_size=TOGETHER_BYTES
        )
        self._is_started = False

    async def signatures(self, wanted: Sequence[Wanted]) -> list[bytes]:
        """One for each that is wanted, in their order. Raises: SignError, when two children failed or none starts."""
        return await self._line.ask(wanted, sum(len(one.der) + len(one.data) for one in wanted))

    async def _serve(self, batch: list[_Asked], *, is_last: bool = False) -> None:
        """After a failure, which ends the child, each is tried alone: one that kills fails alone."""
        batch = waiting(batch)
        if not batch:
            return
        try:
            answers = await self._ask([one for asked in batch for one in asked.question])
        except Exception as why:  # the callers get it
            if is_last or isinstance(why, PoolUnavailable):
                _refuse(batch, why)
                return
            for asked in batch:
                await self._serve([asked], is_last=True)
            return
        made = iter(answers)
        for asked in batch:
            own = [next(made) for _ in asked.question]
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
