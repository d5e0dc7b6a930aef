"""A dead destination with a full queue, in the scheduler: one probes, nobody else burns an attempt or waits."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.delivery import scheduler as module
from gateway.delivery.feedback import DEAD_AFTER, RESTS_S, Event, Pace
from gateway.delivery.letter import Batch
from gateway.delivery.scheduler import Scheduler
from gateway.delivery.shaper import Shaper
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store import queue
from gateway.store.rows import new_message, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import entry as entry_table
from policy.decision import Method
from tests.gateway.delivery.office import make_entry, make_message
from tests.gateway.waiting import until

DEAD, LIVE = "dead.example", "b.example"
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A worker for whom DEAD cannot be reached while `is_dead`. tried: attempts that ask it; decided: that do not."""

    store: Store
    shaper: Shaper
    is_dead: bool = True
    tried: int = 0
    decided: int = 0
    delivered: list[str] = field(default_factory=list)

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        at = datetime.now(UTC)
        if batch.domain == DEAD and batch.method is not Method.PORTAL and self.is_dead:
            if self.shaper.is_resting(DEAD):  # as the transport does
                self.decided += 1
            else:
                self.tried += 1
                self.shaper.note(DEAD, Event.UNREACHED)
            done = [
                replace(entry, attempts=entry.attempts + 1, next_attempt_at=at + HOUR, delay_notified=True)
                for entry in batch.entries
            ]
        else:
            if batch.method is not Method.PORTAL:
                self.shaper.note(batch.domain, Event.REACHED)
            self.delivered.append(batch.domain)
            done = [replace(entry, state=EntryState.DELIVERED) for entry in batch.entries]
        await self.store.commit(Unit(changes=tuple(save_entry(entry, release=True) for entry in done)))
        return ()

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        raise AssertionError("nothing is damaged here")

    async def attempts(self) -> list[int]:
        """Of what waits for DEAD."""
        async with self.store.read() as conn:
            found = await queue.listing(conn, queue.Filter(domain=DEAD, states=[EntryState.QUEUED]))
        return [entry.attempts for entry in found]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "POLL", timedelta(milliseconds=10))
    monkeypatch.setattr(module, "OVERDUE_EVERY", timedelta(0))
    return World(store, Shaper(lambda _: Pace(), clock=clock, chance=lambda: 0.5))


async def put(store: Store, *domains: str, lease: bool = False, age: timedelta = HOUR, **more: Any) -> None:
    now = datetime.now(UTC)
    for domain in domains:
        entry = make_entry(
            new_queue_id(), recipient=f"pat@{domain}", queued_at=now - age, next_attempt_at=now - age, **more
        )
        message = make_message(entry, lease_until=now + HOUR if lease else None)
        await store.commit(Unit(changes=new_message(await store.seal_message(message))))


async def run(world: World, condition: Callable[[], bool], *, notice: timedelta = 2 * HOUR) -> Scheduler:
    scheduler = Scheduler(world.store, world, shaper=world.shaper, delay_notice=notice)
    task = asyncio.create_task(scheduler.run())
    try:
        await until(lambda: condition() and scheduler.in_hand == 0)
    finally:
        scheduler.stop()
        await task
    return scheduler


async def test_the_others_wait_without_burning_attempts(world: World, store: Store, clock: Clock) -> None:
    """A first window finds out, then one message a rest; what was leased is free again; then all leave."""
    await put(store, *[DEAD] * 40, *[LIVE] * 5)
    await run(world, lambda: len(world.delivered) == 5 and bool(world.shaper.resting()))
    first = world.tried + world.decided
    assert DEAD_AFTER <= first <= 5, "no more than were under way when it was found out"
    assert sorted(await world.attempts()) == [0] * (40 - first) + [1] * first
    async with store.read() as conn:
        leased = await conn.execute(sa.select(sa.func.count()).where(entry_table.c.lease_until > datetime.now(UTC)))
    assert leased.scalar_one() == 0
    before = world.tried
    clock.now += RESTS_S[0]
    await run(world, lambda: bool(world.shaper.resting()))
    assert world.tried == before + 1, "one probe"
    clock.now += RESTS_S[1]
    world.is_dead = False
    await run(world, lambda: world.delivered.count(DEAD) == 40 - first - 1)


async def test_what_must_be_decided_is_decided(world: World, store: Store) -> None:
    """OB-10: the sender hears of the delay when it was promised, and mail expires, although nobody asks the host."""
    for _ in range(DEAD_AFTER):
        world.shaper.note(DEAD, Event.UNREACHED)
    await put(store, *[DEAD] * 3, age=3 * HOUR)
    await put(store, DEAD, expires_at=datetime.now(UTC) - HOUR)
    await put(store, DEAD, age=3 * HOUR, sender="")
    await put(store, DEAD, methods=(Method.TLS, Method.PORTAL), rung=1)
    await run(world, lambda: world.decided == 4 and DEAD in world.delivered)
    assert world.tried == 0
    assert sorted(await world.attempts()) == [0, 1, 1, 1, 1]


async def test_flush_ends_the_rest(world: World, store: Store) -> None:
    """`mailward queue flush`: the operator has mended it and wants to see."""
    for _ in range(DEAD_AFTER):
        world.shaper.note(DEAD, Event.UNREACHED)
    await put(store, DEAD, DEAD)
    world.is_dead = False
    scheduler = Scheduler(store, world, shaper=world.shaper)
    task = asyncio.create_task(scheduler.run())
    try:
        await asyncio.sleep(0)
        scheduler.wake()
        await until(lambda: len(world.delivered) == 2)
    finally:
        scheduler.stop()
        await task
    assert world.delivered == [DEAD, DEAD]
