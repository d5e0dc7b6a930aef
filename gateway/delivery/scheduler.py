"""Who is worked on when: fresh mail straight from memory, everything else as it falls due in the store.

How this works: `take` puts the batches of an accepted message in line (`line.py`); `_poll` claims what falls due. A
bounded number of tasks, of bytes, and of tasks for one destination is worked on at once. Whatever is in line is leased
to this node, the lease is renewed, and the set of entries in hand keeps this very node from claiming one twice. A
worker that fails by a bug changes nothing: the lease of its entries lapses, and they are claimed again as the store
knows them.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from gateway.delivery.letter import Batch, Letter, letter_of, make_batches
from gateway.delivery.line import OVERDUE, Line, Waiting
from gateway.delivery.reader import Reader
from gateway.delivery.shaper import Shaper
from gateway.log import get_logger
from gateway.message.address import domain_of
from gateway.message.entry import EntryState, QueueEntry
from gateway.store import queue
from gateway.store.errors import ContentError
from gateway.store.overdue import claim_overdue
from gateway.store.reading import sizes_of
from gateway.store.rows import NewMessage
from gateway.store.store import Store
from policy.decision import Method

LEASE: Final = timedelta(minutes=10)
PACE: Final = timedelta(milliseconds=100)  # how often those who wait for room look again
OVERDUE_EVERY: Final = timedelta(seconds=5)
DELAY_NOTICE: Final = timedelta(minutes=30)
POLL: Final = timedelta(seconds=1)
CLAIM: Final = 200  # entries in one look at the store
MOST_AT_ONCE: Final = 800  # batches under way: five destinations that make as many ready as they may (`shaper.READY`)
MOST_FOR_ONE: Final = 20  # batches for one destination under way; as many connections as `PoolLimits` allows it
MEMORY_BYTES: Final = 128 * 1024 * 1024  # of messages in line, and again of messages under way

log = get_logger("delivery")


class Worker(Protocol):
    """Works a batch to its next rest and records it; gives back the batches that go on at once (after a climb)."""

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        """sent: is called when the destination is done with it, before the record: another may begin there."""

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        """Record that the content of these entries, all of one message, cannot be read."""


class Scheduler:
    """`run` until `stop`; `take` and `wake` at any time, from the same loop."""

    def __init__(
        self,
        store: Store,
        work: Worker,
        *,
        most_at_once: int = MOST_AT_ONCE,
        most_for_one: int = MOST_FOR_ONE,
        most_recipients: int = 50,
        shaper: Shaper | None = None,
        delay_notice: timedelta = DELAY_NOTICE,
    ) -> None:
        """most_at_once: batches under way, most_for_one: of them for one destination; most_recipients: in a batch.

        shaper: room of each destination; None: `most_for_one`. delay_notice: `delivery.delay_notice`.
        """
        self._shaper = shaper
        self._delay_notice = delay_notice
        self._store = store
        self._reader = Reader(store)
        self._work = work
        self._most_at_once = most_at_once
        self._most_recipients = most_recipients
        self._line = Line(per_destination=most_for_one, room=shaper, share=MEMORY_BYTES // 2)
        self._in_hand: set[str] = set()
        self._active = 0
        self._active_bytes = 0
        self._is_more_due = False  # at the last look; there may be
        self._done_since = 0  # batches that came to a rest since
        self._overdue_at = datetime.min.replace(tzinfo=UTC)
        self._turn = asyncio.Event()
        self._look = asyncio.Event()
        self._stop = asyncio.Event()

    @property
    def in_hand(self) -> int:
        """Entries that are worked on or wait in line here."""
        return len(self._in_hand)

    @property
    def lease_until(self) -> datetime | None:
        """What new entries are to be born with: a lease of ours, or none when the line is full and they must wait."""
        has_room = self._line.bytes_waiting < MEMORY_BYTES and not self._stop.is_set()
        return datetime.now(UTC) + LEASE if has_room else None

    def take(self, letter: Letter, entries: Iterable[QueueEntry]) -> None:
        """Put entries in line that are leased to this node; those that do not wait for delivery are left alone."""
        fresh = tuple(entry for entry in entries if entry.state is EntryState.QUEUED and entry.id not in self._in_hand)
        for batch in make_batches(letter, fresh, most=self._most_recipients):
            self._put(Waiting(entries=batch.entries, size=len(letter.body), letter=letter))

    def take_new(self, messages: Iterable[NewMessage]) -> None:
        """Put messages in line that were just stored, as far as they were born leased to this node."""
        for message in messages:
            if message.lease_until is not None:
                self.take(letter_of(message), message.entries)

    def withdraw(self, ids: Collection[str]) -> frozenset[str]:
        """Leave entries alone that wait in line here, their lease of ours goes on. Returns: which were in line.

        Those that are under way are not among them.
        """
        found = self._line.withdraw(frozenset(ids))
        self._in_hand -= found
        return found

    def wake(self) -> None:
        """Something in the store may have fallen due, by an operator's will: nobody is left alone any longer."""
        if self._shaper is not None:
            self._shaper.end_rests()
        self._look.set()

    def stop(self) -> None:
        """Begin nothing new; `run` returns when what is under way has come to a rest."""
        self._stop.set()
        self._turn.set()
        self._look.set()

    async def run(self) -> None:
        """Work until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            tasks.create_task(self._renew())
            while not self._stop.is_set():
                while self._may_start():
                    tasks.create_task(self._tend(self._start_next()))
                self._turn.clear()
                await self._wait_turn()

    async def _wait_turn(self) -> None:
        """Until somebody comes or is done; where nobody is under way, time alone may give room (rates, rests)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PACE.total_seconds() if self._shaper is not None and self._line else None):
                await self._turn.wait()
                return
        self._line.refresh()

    def _put(self, waiting: Waiting) -> None:
        self._in_hand.update(entry.id for entry in waiting.entries)
        self._line.put(waiting)
        self._turn.set()

    def _may_start(self) -> bool:
        if self._stop.is_set() or self._active >= self._most_at_once:
            return False
        return self._line.first(self._room) is not None

    @property
    def _room(self) -> int:
        """Octets that may begin now; who is alone always may."""
        return MEMORY_BYTES - self._active_bytes if self._active else sys.maxsize

    def _start_next(self) -> Waiting:
        waiting = self._line.start(self._room)
        self._active += 1
        self._active_bytes += waiting.size
        return waiting

    async def _tend(self, waiting: Waiting) -> None:
        following: list[Batch] = []
        leave = self._leaving(waiting)
        try:
            await self._store.wait_healthy()  # an outcome that cannot be recorded would become a duplicate
            batches = await self._batches(waiting)
            for batch in batches:
                following += await self._work(batch, leave if batch is batches[-1] else _stay)
        except Exception:
            log.exception("delivery worker failed", queue_id=waiting.queue_id)
        finally:
            leave()
            self._active -= 1
            self._active_bytes -= waiting.size
            self._in_hand.difference_update(entry.id for entry in waiting.entries)
            self._turn.set()
            self._done_since += 1
            is_idle = not self._active  # of those done during a look none may be counted
            if self._is_more_due and (is_idle or self._done_since >= min(CLAIM, self._most_at_once) // 4):
                self._look.set()  # a long queue is not drained by the clock; `_poll` knows whether the line is short
        for batch in following:
            self._put(Waiting(entries=batch.entries, size=len(batch.letter.body), letter=batch.letter))

    def _leaving(self, waiting: Waiting) -> Callable[[], None]:
        """What makes room at the destination, once; the octets are given back when the outcome is on disk."""
        is_there = True

        def leave() -> None:
            nonlocal is_there
            if is_there:
                is_there = False
                self._line.finish(waiting)
                self._turn.set()

        return leave

    async def _batches(self, waiting: Waiting) -> tuple[Batch, ...]:
        """What is to be worked on; nothing when the content is damaged, which holds the message (QD-09)."""
        letter = waiting.letter
        if letter is None:
            try:
                letter = await self._reader.read(waiting.queue_id, waiting.size)
            except ContentError as error:
                log.error("content cannot be read, message held", queue_id=waiting.queue_id, why=type(error).__name__)
                await self._work.hold(waiting.entries)
                return ()
        return make_batches(letter, waiting.entries, most=self._most_recipients)

    async def _poll(self) -> None:
        """Claim what is due while the line is short; look every second, and when woken."""
        while not self._stop.is_set():
            self._look.clear()
            await self._leave_alone()
            crowded = self._line.crowded() | (frozenset() if self._shaper is None else self._shaper.resting())
            is_short = self._line.length_without(crowded) < self._most_at_once
            if is_short and self._line.bytes_without(crowded) < MEMORY_BYTES:
                try:
                    await self._claim(crowded)
                except Exception:  # a sick store, a full table of files: the next look may succeed
                    log.exception("queue cannot be read")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL.total_seconds()):
                    await self._look.wait()

    async def _claim(self, crowded: frozenset[str]) -> None:
        """Put what is due in line, but for destinations that have enough there."""
        now = datetime.now(UTC)
        if not self._is_more_due:
            async with self._store.read() as conn:  # reading costs less than a transaction that finds nothing
                if not await queue.due(conn, now=now, limit=1, but_for=crowded):
                    return
        claimed = await queue.claim(
            self._store, owner=self._store.node, now=now, lease=LEASE, limit=CLAIM, but_for=crowded
        )
        if claimed or not crowded:  # else what is due is for those who have enough in line, and is wanted soon
            self._is_more_due = len(claimed) == CLAIM
        self._done_since = 0
        await self._put_claimed(claimed)

    async def _put_claimed(self, claimed: Iterable[QueueEntry], *, lane: str = "") -> None:
        """In line by message, destination and whether it goes to the portal. lane: of `Waiting`."""
        together: dict[tuple[str, str, bool], list[QueueEntry]] = {}
        for entry in claimed:
            if entry.id not in self._in_hand:
                way = (entry.queue_id, domain_of(entry.recipient), entry.method is Method.PORTAL)
                together.setdefault(way, []).append(entry)
        sizes = await sizes_of(self._store, (queue_id for queue_id, _, _ in together))
        for (queue_id, _, _), entries in together.items():
            self._put(Waiting(entries=tuple(entries), size=sizes.get(queue_id, 0), lane=lane))

    async def _leave_alone(self) -> None:
        """Let go of what waits in line for those who rest, and do without them what must not wait."""
        resting = frozenset() if self._shaper is None else self._shaper.resting()
        if not resting:
            return
        let_go = self._line.shed(resting)
        self._in_hand -= let_go
        now = datetime.now(UTC)
        try:
            if let_go:
                await queue.renew(self._store, tuple(let_go), owner=self._store.node, until=now)
            if now >= self._overdue_at:
                self._overdue_at = now + OVERDUE_EVERY
                await self._put_claimed(
                    await claim_overdue(
                        self._store,
                        owner=self._store.node,
                        now=now,
                        lease=LEASE,
                        limit=CLAIM,
                        domains=resting,
                        delay_notice=self._delay_notice,
                    ),
                    lane=OVERDUE,
                )
        except Exception:  # as in `_poll`; their leases lapse
            log.exception("queue cannot be read")

    async def _renew(self) -> None:
        """Hold on to what is in hand, every third of a lease."""
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEASE.total_seconds() / 3):
                    await self._stop.wait()
            if self._in_hand:
                try:
                    until = datetime.now(UTC) + LEASE
                    await queue.renew(self._store, tuple(self._in_hand), owner=self._store.node, until=until)
                except Exception:  # as above
                    log.exception("leases not renewed")


def _stay() -> None:
    """Another batch of the same entries is to follow."""
