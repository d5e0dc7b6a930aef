"""Held mail that nobody decides on: an event, a gauge and a mail to the privacy officer, and again every day.

How this works: each recipient's copy has its own clock, which begins when it was held, also when it was released and is
held again. Mail that its sender marked urgent has its own, shorter time. What people were told is in the audit log, so
it is known after a restart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit import events
from gateway.audit.search import Query, search
from gateway.config import Settings
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
AGAIN: Final = timedelta(days=1)
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
HELD: Final = "message.held"
OVERDUE: Final = "hold.overdue"

log = get_logger("daemon")


@dataclass(frozen=True, slots=True)
class Clock:
    """Of one copy. entry: as it was held; another one was held again. told_at: when people were told last."""

    entry: QueueEntry
    held_at: datetime
    told_at: datetime | None = None


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
        self._clocks: dict[str, Clock] = {}  # by entry

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Returns: what has the next look go by this policy."""

        def use() -> None:
            self._policy = settings.policy

        return use

    async def look(self, now: datetime | None = None) -> None:
        """Tell of what has waited too long. Raises: StoreError."""
        now = now or datetime.now(UTC)
        async with self._store.read() as conn:
            held = await queue.listing(conn, queue.Filter(states=(EntryState.HELD,)))
        waiting: dict[str, list[QueueEntry]] = {}
        for entry in held:
            if now - entry.queued_at >= self._patience(entry):  # nothing was held before it came
                waiting.setdefault(entry.queue_id, []).append(entry)
        self._clocks = {one.id: self._clocks[one.id] for one in held if one.id in self._clocks}
        overdue = 0
        for queue_id, entries in waiting.items():
            await self._wind(queue_id, entries)
            late = [one for one in entries if now - self._clocks[one.id].held_at >= self._patience(one)]
            overdue += bool(late)
            if due := [one for one in late if now - (self._clocks[one.id].told_at or LONG_AGO) >= AGAIN]:
                await self._tell(queue_id, due, now)
        self._metrics.gauge("held_overdue").set(overdue)

    async def _wind(self, queue_id: str, entries: Sequence[QueueEntry]) -> None:
        """Read the clocks of copies that were held since the last look; those of the others go on."""
        fresh = [one for one in entries if one.id not in self._clocks or self._clocks[one.id].entry != one]
        if not fresh:
            return
        last: dict[tuple[str, str], datetime] = {}
        async with self._store.read() as conn:
            for kind in (HELD, OVERDUE):
                for found in await search(conn, Query(kind=kind, queue_id=queue_id)):
                    last[kind, found.event.recipient] = found.event.at
        for one in fresh:
            held_at, told_at = last.get((HELD, one.recipient), one.queued_at), last.get((OVERDUE, one.recipient))
            is_told = told_at is not None and told_at >= held_at
            self._clocks[one.id] = Clock(one, held_at, told_at if is_told else None)

    def _patience(self, entry: QueueEntry) -> timedelta:
        return self._policy.urgent_hold_answer if entry.urgent else self._policy.hold_answer

    async def _tell(self, queue_id: str, entries: Sequence[QueueEntry], now: datetime) -> None:
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
        for entry in entries:
            self._clocks[entry.id] = replace(self._clocks[entry.id], told_at=now)
        self._scheduler.take_new(record.own)
        log.error("held mail waits too long", queue_id=queue_id, urgent=first.urgent)
