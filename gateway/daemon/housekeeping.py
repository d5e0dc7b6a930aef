"""What happens by the clock: portal messages and held mail that run out, checkpoints, heartbeats, gauges.

A job that fails is logged and comes again at its next turn; it never takes the gateway down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit import checkpoint, events
from gateway.delivery.about import About
from gateway.delivery.record import Record
from gateway.delivery.scheduler import Scheduler
from gateway.log import get_logger
from gateway.message.entry import EntryState, QueueEntry
from gateway.metrics import Metrics
from gateway.store import portal, queue
from gateway.store.rows import PortalMessage, close_portal, destroy_if_finished
from gateway.store.statements import Unit
from gateway.store.store import Store

GAUGES: Final = timedelta(seconds=15)
EXPIRY: Final = timedelta(seconds=60)
HEARTBEAT: Final = timedelta(minutes=15)  # AU-06: bounds a silence that nothing explains
CHECKPOINT: Final = timedelta(hours=1)  # AU-03: the window in which a thief of the signing key could rewrite events
LAST_USES: Final = timedelta(minutes=1)  # when programs last sent, written down
NOT_PICKED_UP: Final = "554 5.4.7 The message was not picked up in time"  # RFC 3463 section 3.5

log = get_logger("daemon")


Job = tuple[timedelta, Callable[[], Awaitable[None]]]  # how often, and what


class Housekeeping:
    """held_for: `retention.held`. more: jobs of other rooms."""

    def __init__(
        self,
        *,
        store: Store,
        about: About,
        scheduler: Scheduler,
        signer: checkpoint.Signer,
        metrics: Metrics,
        held_for: timedelta,
        more: Sequence[Job] = (),
    ) -> None:
        self._store = store
        self._about = about
        self._scheduler = scheduler
        self._signer = signer
        self._metrics = metrics
        self._held_for = held_for
        self._jobs: Final[Sequence[Job]] = (
            (GAUGES, self.measure),
            (EXPIRY, self.expire_portal),
            (EXPIRY, self.expire_held),
            (HEARTBEAT, self.beat),
            (CHECKPOINT, self.sign_log),
            *more,
        )

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for every, job in self._jobs:
                tasks.create_task(self._repeat(every, job))

    async def measure(self) -> None:
        """Set the gauges that show the queue and the store."""
        async with self._store.read() as conn:
            counts, oldest, size = await queue.counts(conn), await queue.oldest(conn), await checkpoint.head(conn)
        for state, count in counts.items():
            self._metrics.gauge("queue_messages", state.value).set(count)
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        self._metrics.gauge("queue_oldest_message_age_seconds", "unfinished").set(age)
        self._metrics.gauge("audit_tree_size").set(size.size)
        self._metrics.gauge("store_healthy").set(self._store.accepting)

    async def expire_portal(self) -> None:
        """End what lay in the portal for its whole life; who was not read is told to its sender."""
        now = datetime.now(UTC)
        async with self._store.read() as conn:
            over = await portal.expired(conn, now=now)
        for waiting in over:
            with self._going_on(waiting.queue_id):
                await self._end_in_portal(waiting, now)

    async def expire_held(self) -> None:
        """Give back held mail that nobody decided on."""
        now = datetime.now(UTC)
        async with self._store.read() as conn:
            held = await queue.listing(conn, queue.Filter(states=(EntryState.HELD,)))
        over: dict[str, list[QueueEntry]] = {}
        for entry in held:
            if entry.queued_at + self._held_for <= now:
                over.setdefault(entry.queue_id, []).append(replace(entry, state=EntryState.EXPIRED))
        for queue_id, expired in over.items():
            with self._going_on(queue_id):
                await self._end(expired, now, why="Nobody decided on the held message in time")

    async def beat(self) -> None:
        async with self._store.read() as conn:
            counts = await queue.counts(conn)
        event = events.heartbeat(at=datetime.now(UTC), node=self._store.node, queued=sum(counts.values()))
        await self._store.commit(Unit(events=(event,)))

    async def sign_log(self) -> None:
        await checkpoint.make(self._store, self._signer, now=datetime.now(UTC))

    async def _end_in_portal(self, waiting: PortalMessage, now: datetime) -> None:
        async with self._store.read() as conn:
            entry = await queue.one(conn, waiting.entry_id)
        event = events.portal_expired(
            at=now, queue_id=waiting.queue_id, recipient=waiting.recipient, was_opened=waiting.opened_at is not None
        )
        close = close_portal(waiting.token_hash)
        if entry is None or entry.state is not EntryState.PORTAL:
            changes = (close, destroy_if_finished(waiting.queue_id))
            await self._store.commit(Unit(changes=changes, events=(event,)))
            return
        expired = replace(entry, state=EntryState.EXPIRED, last_reply=NOT_PICKED_UP)
        await self._end(
            [expired], now, why="The recipient did not pick the message up in time", record=Record([close], [event])
        )

    async def _end(
        self, entries: Sequence[QueueEntry], now: datetime, *, why: str, record: Record | None = None
    ) -> None:
        """One transaction for recipients of one message: the endings, their events, and word to the sender."""
        record = record or Record()
        record.add(events=[events.delivery_expired(entry, at=now) for entry in entries])
        await self._about.give_back(entries, record, why=why, at=now)
        await record.commit(self._store)
        self._scheduler.take_new(record.own)

    @contextmanager
    def _going_on(self, queue_id: str) -> Iterator[None]:
        """One message that cannot be ended now, such as one that is opened at this moment, holds up no other."""
        try:
            yield
        except Exception:
            log.exception("message not ended, the next turn tries again", queue_id=queue_id)

    async def _repeat(self, every: timedelta, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await job()
            except Exception:
                log.exception("housekeeping failed", job=job.__name__)
            await asyncio.sleep(every.total_seconds())
