"""Questions that cost less together: who asks while an answer is under way shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class Asked(Generic[Q, A]):
    """One question. size: its share of what a batch may hold. answer: what the caller waits for; done if he gave up."""

    question: Q
    size: int
    answer: "asyncio.Future[A]"


def waiting(batch: list[Asked[Q, A]]) -> list[Asked[Q, A]]:
    """Those whose caller still waits."""
    return [asked for asked in batch if not asked.answer.done()]


class Together(Generic[Q, A]):
    """`ask` at any time, from one loop."""

    def __init__(
        self, serve: Callable[[list[Asked[Q, A]]], Awaitable[None]], *, name: str, most: int, most_size: int
    ) -> None:
        """serve: answers each of a batch, and never raises. most, most_size: of a batch; one alone may be larger."""
        self._serve = serve
        self._name = name
        self._most = most
        self._most_size = most_size
        self._asked: deque[Asked[Q, A]] = deque()
        self._working: asyncio.Task[None] | None = None  # while anybody waits

    async def ask(self, question: Q, size: int) -> A:
        """Raises: what `serve` gives as the answer's exception."""
        asked: Asked[Q, A] = Asked(question, size, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name=self._name)
        return await asked.answer

    async def _work(self) -> None:
        """Until nobody waits; it begins after those that were started together have asked."""
        while self._asked:
            await self._serve(self._collect())
        self._working = None

    def _collect(self) -> list[Asked[Q, A]]:
        batch = [self._asked.popleft()]
        size = batch[0].size
        while self._asked and len(batch) < self._most and size + self._asked[0].size <= self._most_size:
            batch.append(self._asked.popleft())
            size += batch[-1].size
        return batch
