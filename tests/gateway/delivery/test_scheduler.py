"""Who is worked on when, on a real store: nothing twice, nothing lost, never more than fits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.delivery import scheduler as module
from gateway.delivery.letter import Batch, letter_of
from gateway.delivery.scheduler import Scheduler, Worker
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store import queue
from gateway.store.rows import NewMessage, new_message, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from policy.decision import Method
from tests.gateway.delivery.office import BODY, DAY, make_entries, make_entry, make_message
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.store.parts import open_store
from tests.gateway.waiting import until

WAIT_S = 10


@dataclass
class Desk:
    """A worker that notes what it is given; it works while the gate is open, and fails where it is told to.

    is_sent: it is done with the destination before the gate opens.
    """

    store: Store
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[Batch] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    following: list[Batch] = field(default_factory=list)
    active: int = 0
    most_active: int = 0
    is_sent: bool = False

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        self.batches.append(batch)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            if self.is_sent:
                sent()
            await self.gate.wait()
            if batch.letter.id in self.failing:
                raise RuntimeError("a bug")
            if self.following:
                return (self.following.pop(),)
            done = [save_entry(replace(entry, state=EntryState.DELIVERED), release=True) for entry in batch.entries]
            await self.store.commit(Unit(changes=tuple(done)))
            return ()
        finally:
            self.active -= 1

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        raise AssertionError("nothing is damaged here")


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


@asynccontextmanager
async def running(store: Store, work: Worker, **limits: Any) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(store, work, **limits)
    task = asyncio.create_task(scheduler.run())
    try:
        yield scheduler
    finally:
        scheduler.stop()
        async with asyncio.timeout(WAIT_S):
            await task


async def put(
    store: Store, *entries: QueueEntry, leased_for: timedelta | None = None, body: bytes = BODY
) -> NewMessage:
    lease = datetime.now(UTC) + leased_for if leased_for else None
    message = make_message(*(entries or (make_entry(new_queue_id()),)), lease_until=lease, body=body)
    await store.commit(Unit(changes=new_message(await store.seal_message(message))))
    return message


async def states(store: Store) -> list[EntryState]:
    async with store.read() as conn:
        return [entry.state for entry in await queue.listing(conn, queue.Filter())]


def all_delivered(store: Store) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return set(await states(store)) == {EntryState.DELIVERED}

    return look


async def test_fresh_mail_is_worked_from_memory(store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot path reads nothing back."""
    monkeypatch.setattr(queue, "load_body", None)
    desk.gate.set()
    async with running(store, desk) as scheduler:
        message = await put(store, leased_for=DAY)
        scheduler.take_new([message])
        await until(all_delivered(store))
    assert [batch.letter.body for batch in desk.batches] == [BODY]


async def test_what_was_born_without_a_lease_is_left_to_any_claim(store: Store, desk: Desk) -> None:
    desk.gate.set()
    scheduler = Scheduler(store, desk)
    scheduler.take_new([await put(store)])
    assert scheduler.in_hand == 0


async def test_what_falls_due_is_read_from_the_store(store: Store, desk: Desk) -> None:
    """Kind, sender and all else that delivery needs come back as they were."""
    message = await put(store, *make_entries("a@b.example", "c@d.example"))
    desk.gate.set()
    async with running(store, desk) as scheduler:
        scheduler.wake()
        await until(all_delivered(store))
    assert {batch.domain for batch in desk.batches} == {"b.example", "d.example"}
    letter = desk.batches[0].letter
    assert (letter.id, letter.sender, letter.body) == (message.id, message.sender, BODY)


async def test_wake_looks_at_once(store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", DAY)
    desk.gate.set()
    async with running(store, desk) as scheduler:
        await asyncio.sleep(0)
        message = await put(store)
        scheduler.wake()
        await until(all_delivered(store))
    assert [batch.letter.id for batch in desk.batches] == [message.id]


async def test_what_is_not_due_is_left_alone(store: Store, desk: Desk) -> None:
    later = datetime.now(UTC) + DAY
    await put(store, make_entry(new_queue_id(), next_attempt_at=later))
    await put(store, make_entry(new_queue_id(), state=EntryState.HELD))
    await put(store, make_entry(new_queue_id(), state=EntryState.PORTAL))
    marker = await put(store)
    desk.gate.set()
    async with running(store, desk):
        await until(lambda: stands(store, marker, EntryState.DELIVERED))
    assert len(desk.batches) == 1


async def stands(store: Store, message: NewMessage, state: EntryState) -> bool:
    async with store.read() as conn:
        (entry,) = await queue.of_message(conn, message.id)
    return entry.state is state


async def test_an_entry_in_hand_is_never_claimed_again(store: Store, desk: Desk) -> None:
    """QD-15: even when its lease lapsed while it is worked on, this node does not begin it twice."""
    message = await put(store)
    async with running(store, desk) as scheduler:
        await until(lambda: len(desk.batches) == 1)
        long_ago = datetime.now(UTC) - DAY
        await queue.renew(store, [message.entries[0].id], owner=store.node, until=long_ago)

        async def is_claimed_again() -> bool:
            scheduler.wake()
            async with store.read() as conn:
                return not await queue.due(conn, now=datetime.now(UTC), limit=1)

        await until(is_claimed_again)
        scheduler.take_new([replace(message, lease_until=datetime.now(UTC))])
        desk.gate.set()
        await until(all_delivered(store))
    assert len(desk.batches) == 1


async def test_tasks_are_bounded(store: Store, desk: Desk) -> None:
    """RX-06: as many at once as allowed, and all of them in the end."""
    async with running(store, desk, most_at_once=2) as scheduler:
        scheduler.take_new([await put(store, leased_for=DAY) for _ in range(6)])
        await until(lambda: desk.active == 2)
        desk.gate.set()
        await until(all_delivered(store))
    assert desk.most_active == 2


@pytest.mark.parametrize(("is_sent", "active"), [(False, 1), (True, 3)])
async def test_a_destination_does_not_wait_for_records(store: Store, desk: Desk, is_sent: bool, active: int) -> None:
    """Another begins there as soon as one was sent; what is not recorded yet counts against `most_at_once` still."""
    desk.is_sent = is_sent
    async with running(store, desk, most_at_once=3, most_for_one=1) as scheduler:
        scheduler.take_new([await put(store, leased_for=DAY) for _ in range(5)])
        await until(lambda: desk.active == active)
        for _ in range(20):
            await asyncio.sleep(0)
        assert desk.active == active
        desk.gate.set()
        await until(all_delivered(store))
    assert len(desk.batches) == 5


async def test_bytes_are_bounded(store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """RX-06: one large message at a time; while the line is full, new mail is born without a lease."""
    monkeypatch.setattr(module, "MEMORY_BYTES", len(BODY) + 1)
    async with running(store, desk) as scheduler:
        leases = [scheduler.lease_until is None]
        scheduler.take_new([await put(store, leased_for=DAY) for _ in range(4)])
        leases.append(scheduler.lease_until is None)
        await until(lambda: desk.active == 1)
        desk.gate.set()
        await until(all_delivered(store))
        leases.append(scheduler.lease_until is None)
    assert leases == [False, True, False]
    assert desk.most_active == 1


async def test_recipients_of_one_transaction_are_bounded(store: Store, desk: Desk) -> None:
    desk.gate.set()
    async with running(store, desk, most_recipients=2) as scheduler:
        message = await put(store, *make_entries(*(f"r{n}@b.example" for n in range(5))), leased_for=DAY)
        scheduler.take_new([message])
        await until(all_delivered(store))
    assert sorted(len(batch.entries) for batch in desk.batches) == [1, 2, 2]


async def test_a_worker_that_fails_leaves_its_entry_to_the_next_claim(store: Store, desk: Desk) -> None:
    """A bug costs an attempt, never the message, and never the scheduler."""
    message = await put(store)
    other = await put(store)
    desk.failing.add(message.id)
    desk.gate.set()
    async with running(store, desk) as scheduler:
        await until(lambda: stands(store, other, EntryState.DELIVERED))
        await until(lambda: scheduler.in_hand == 0)
        assert await stands(store, message, EntryState.QUEUED)
        desk.failing.clear()
        await queue.renew(store, [message.entries[0].id], owner=store.node, until=datetime.now(UTC))
        scheduler.wake()
        await until(all_delivered(store))


async def test_what_follows_a_climb_goes_on_at_once(store: Store, desk: Desk) -> None:
    message = await put(store, leased_for=DAY)
    desk.gate.set()
    async with running(store, desk) as scheduler:
        climbed = replace(message.entries[0], rung=1)
        letter = letter_of(message)
        desk.following.append(Batch(letter=letter, entries=(climbed,)))
        scheduler.take_new([message])
        await until(all_delivered(store))
        assert scheduler.in_hand == 0
    assert [batch.method for batch in desk.batches] == [Method.TLS, Method.OPENPGP]


async def test_stop_lets_work_finish_and_begins_nothing(store: Store, desk: Desk) -> None:
    """QD-18: what is under way comes to its rest, the rest keeps waiting in the store."""
    first, second = [await put(store, leased_for=DAY) for _ in range(2)]
    scheduler = Scheduler(store, desk, most_at_once=1)
    task = asyncio.create_task(scheduler.run())
    scheduler.take_new([first, second])
    await until(lambda: desk.active == 1)
    scheduler.stop()
    assert scheduler.lease_until is None
    await asyncio.sleep(0)
    assert not task.done()
    desk.gate.set()
    async with asyncio.timeout(WAIT_S):
        await task
    assert await states(store) == [EntryState.DELIVERED, EntryState.QUEUED]


async def test_a_restart_takes_leases_back(store: Store, desk: Desk, vault: Vault, tmp_path: Path) -> None:
    """Invariant 2, QD-15: what a dead process held is worked on at once, not after the lease."""
    message = await put(store, leased_for=DAY)
    await store.close()
    again = await open_store(tmp_path, vault, node="node-2")
    later = Desk(again)
    later.gate.set()
    async with running(again, later):
        await until(all_delivered(again))
    await again.close()
    assert [batch.letter.id for batch in later.batches] == [message.id]


@pytest.mark.slow
async def test_a_sick_store_stops_new_attempts(store: Store, desk: Desk) -> None:
    """QD-06: an outcome that cannot be recorded would become a duplicate."""
    disk = BadDisk(store)
    desk.gate.set()
    message = await put(store, leased_for=DAY)
    await disk.break_()
    async with running(store, desk) as scheduler:
        scheduler.take_new([message])
        for _ in range(20):
            await asyncio.sleep(0)
        assert desk.batches == []
        disk.mend()
        await until(all_delivered(store))


async def test_a_queue_that_cannot_be_read_is_looked_at_again(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RX-11: no file descriptor left, for instance; the scheduler survives it."""
    monkeypatch.setattr(module, "POLL", timedelta(milliseconds=5))
    await put(store)
    desk.gate.set()
    failures = iter([OSError(24, "Too many open files"), sa.exc.OperationalError("", None, Exception())])
    real = queue.due

    async def due(
        conn: AsyncConnection, *, now: datetime, limit: int, but_for: Collection[str]
    ) -> tuple[QueueEntry, ...]:
        for failure in failures:
            raise failure
        return await real(conn, now=now, limit=limit, but_for=but_for)

    monkeypatch.setattr(queue, "due", due)
    async with running(store, desk):
        await until(all_delivered(store))


async def test_a_long_queue_is_not_drained_by_the_clock(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as the line runs short, more is claimed; a look each second would be 200 messages a second at most.

    What waits for one destination that is full does not count.
    """
    monkeypatch.setattr(module, "POLL", DAY)
    monkeypatch.setattr(module, "CLAIM", 5)
    old = datetime.now(UTC) - DAY
    for _ in range(10):
        await put(store, make_entry(new_queue_id(), recipient="r@full.example", next_attempt_at=old))
    await put(store, *make_entries(*(f"r@d{number}.example" for number in range(23))))
    desk.gate.set()
    async with running(store, desk, most_for_one=2, most_at_once=4):
        await until(all_delivered(store))
    assert len(await states(store)) == 33


@pytest.mark.slow
async def test_a_long_queue_for_one_destination_is_not_drained_by_the_clock(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that finds nothing, because the one destination has enough in line, is not the end of what is due."""
    monkeypatch.setattr(module, "POLL", DAY)
    monkeypatch.setattr(module, "CLAIM", 20)
    old = datetime.now(UTC) - DAY
    for _ in range(60):
        await put(store, make_entry(new_queue_id(), recipient="r@one.example", next_attempt_at=old))
    desk.gate.set()
    async with running(store, desk, most_for_one=2, most_at_once=40):
        await until(all_delivered(store))
    assert len(await states(store)) == 60
