"""How much mail waits for delivery, and whether no more is begun (RX-09).

How this works: recipients that were just queued are added as they come; what was delivered meanwhile is seen when the
store is counted, every quarter of a minute. So the number is never too low for long, a message costs no query, and a
limit that was reached is looked at again each second while clients ask. It drains without anybody's help.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import events
from gateway.log import get_logger
from gateway.message.entry import EntryState
from gateway.message.event import Event
from gateway.message.verdict import Verdict
from gateway.metrics import Metrics
from gateway.store import queue
from gateway.store.errors import StoreError
from gateway.store.statements import Unit
from gateway.store.store import Store

DRAINED: Final = 0.9  # of the limit; mail is taken again below it, so that one event tells of one overflow
LOOK_S: Final = 1.0  # between two counts while it is full

log = get_logger("pipeline")


class Backlog:
    """limit: recipients that may wait, `limits.queue_messages`. clock: steady seconds. Call `measure` before the first.

    Held mail is not in it: it waits for people, and one login's held mail must not stop everybody else's.
    """

    def __init__(
        self, store: Store, *, limit: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._waiting = 0
        self._taken = 0  # ever
        self._is_full = False
        self._look_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Recipients that wait, at most too many."""
        return self._waiting

    @property
    def is_full(self) -> bool:
        """Whether MAIL is refused."""
        return self._is_full

    def refusal(self) -> Verdict | None:
        """Why no message may begin now; asked at each MAIL."""
        if not self._is_full:
            return None
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_S
            self._spawn(self.measure())
        return Verdict.QUEUE_FULL

    def take(self, recipients: int) -> None:
        """So many were queued."""
        self._taken += recipients
        self._settle(self._waiting + recipients)

    async def measure(self) -> None:
        """Count anew. A store that cannot be read leaves the number as it is."""
        before = self._taken
        try:
            async with self._store.read() as conn:
                found = (await queue.counts(conn))[EntryState.QUEUED]
        except StoreError as error:
            log.warning("queue not counted", why=type(error).__name__)
            return
        self._settle(found + self._taken - before)  # who came meanwhile may be in both

    def _settle(self, waiting: int) -> None:
        self._waiting = waiting
        if not self._is_full and waiting >= self._limit:
            self._is_full = True
            log.error("queue_full", waiting=waiting, limit=self._limit)
            self._tell(events.queue_full(at=datetime.now(UTC), queued=waiting, limit=self._limit))
        elif self._is_full and waiting < self._limit * DRAINED:
            self._is_full = False
            log.info("queue_drained", waiting=waiting)
            self._tell(events.queue_drained(at=datetime.now(UTC), queued=waiting))
        self._metrics.gauge("queue_full").set(self._is_full)

    def _tell(self, event: Event) -> None:
        self._spawn(self._record(event))

    async def _record(self, event: Event) -> None:
        try:
            await self._store.commit(Unit(events=(event,)))
        except StoreError as error:
            log.error("state of the queue not recorded", why=type(error).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
