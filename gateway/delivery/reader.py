"""Letters that have to be read from the store at their turn: who asks while one reading is under way shares the next.

Bounded: one reading holds at most `TOGETHER_BYTES`, or one letter; whoever asks is under way and counted already.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.delivery.letter import Letter
from gateway.store.errors import ContentError
from gateway.store.reading import Whole, load_whole
from gateway.store.store import Store

TOGETHER: Final = 64  # letters in one reading
TOGETHER_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    queue_id: str
    size: int
    answer: "asyncio.Future[Letter]"


class Reader:
    """`read` at any time, from one loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading: asyncio.Task[None] | None = None  # while anybody waits
        self._asked: deque[_Asked] = deque()

    async def read(self, queue_id: str, size: int) -> Letter:
        """size: of its body, in octets. Raises: ContentError; StoreSick; LookupError where there is no such message."""
        asked = _Asked(queue_id, size, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(), name="letters")
        return await asked.answer

    async def _run(self) -> None:
        """Read until nobody waits; it begins after those that were started together have asked. Never raises."""
        while self._asked:
            await self._answer(self._collect())
        self._reading = None

    def _collect(self) -> list[_Asked]:
        batch = [self._asked.popleft()]
        size = batch[0].size
        while self._asked and len(batch) < TOGETHER and size + self._asked[0].size <= TOGETHER_BYTES:
            batch.append(self._asked.popleft())
            size += batch[-1].size
        return batch

    async def _answer(self, batch: list[_Asked]) -> None:
        try:
            found = await load_whole(self._store, (asked.queue_id for asked in batch))
        except Exception as error:  # the callers get it
            for asked in _waiting(batch):
                asked.answer.set_exception(error)
            return
        for asked in _waiting(batch):
            match found.get(asked.queue_id):
                case Whole() as whole:
                    asked.answer.set_result(_letter(whole))
                case ContentError() as why:
                    asked.answer.set_exception(why)
                case None:  # entries refer to their message by a foreign key
                    asked.answer.set_exception(LookupError(asked.queue_id))


def _waiting(batch: list[_Asked]) -> list[_Asked]:
    """Those whose caller has not been cancelled."""
    return [asked for asked in batch if not asked.answer.done()]


def _letter(whole: Whole) -> Letter:
    return Letter(
        id=whole.id,
        kind=whole.kind,
        sender=whole.sender,
        login=whole.login,
        envid=whole.envid,
        ret=whole.ret,
        about_id=whole.about_id,
        received_at=whole.received_at,
        body=whole.body,
    )
