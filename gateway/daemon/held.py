"""Held mail that nobody decides on: an event, a gauge and a mail to the privacy officer, once a message.

Mail that its sender marked urgent has its own, shorter time. What people were told of is known after a restart.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit import events
from gateway.audit.search import Query, search
from gateway.config.policies import Policy
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.record import Record
from gateway.delivery.scheduler import Scheduler
from gateway.log import get_logger
from gateway.message.entry import EntryState, QueueEntry
from gateway.metrics import Metrics
from gateway.protect.notice import RuleEnding, RuleNotice
from gateway.store import queue
from gateway.store.store import Store

EVERY: Final = timedelta(seconds=30)
OVERDUE: Final = "hold.overdue"

log = get_logger("daemon")


class HeldMail:
    """One for the gateway."""

    def __init__(
        self, store: Store, policy: Policy, *, own_mail: OwnMail, scheduler: Scheduler, metrics: Metrics
    ) -> None:
        self._store = store
        self._policy = policy
        self._own_mail = own_mail
        self._scheduler = scheduler
        self._metrics = metrics
        self._told: set[str] = set()  # messages

    async def look(self) -> None:
        """Tell of what has waited too long. Raises: StoreError."""
        now = datetime.now(UTC)
        async with self._store.read() as conn:
            held = await queue.listing(conn, queue.Filter(states=(EntryState.HELD,)))
        overdue: dict[str, list[QueueEntry]] = {}
        for entry in held:
            if now - entry.queued_at >= self._patience(entry):
                overdue.setdefault(entry.queue_id, []).append(entry)
        self._metrics.gauge("held_overdue").set(len(overdue))
        self._told &= overdue.keys()
        for queue_id, entries in overdue.items():
            if queue_id not in self._told:
                await self._tell(queue_id, entries, now)
                self._told.add(queue_id)

    def _patience(self, entry: QueueEntry) -> timedelta:
        return self._policy.urgent_hold_answer if entry.urgent else self._policy.hold_answer

    async def _tell(self, queue_id: str, entries: Sequence[QueueEntry], now: datetime) -> None:
        async with self._store.read() as conn:
            if await search(conn, Query(kind=OVERDUE, queue_id=queue_id, limit=1)):
                return
        first = entries[0]
        record = Record(events=[events.hold_overdue(entry, at=now, urgent=entry.urgent) for entry in entries])
        for address in self._policy.pack_notify:
            about = RuleNotice(
                to=address,
                rules=("policy.urgent_hold_answer" if first.urgent else "policy.hold_answer",),
                sender=first.sender,
                recipients=tuple(entry.recipient for entry in entries),
                ending=RuleEnding.OVERDUE,
                message_number=queue_id,
            )
            record.own.append(self._own_mail.rule_notice(about, now=now))
        await record.commit(self._store)
        self._scheduler.take_new(record.own)
        log.error("held mail waits too long", queue_id=queue_id, urgent=first.urgent)
