"""RX-10 on a real store: one dead destination with a great queue, and mail for everybody else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.delivery import scheduler as module
from gateway.delivery.letter import Batch
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store.rows import NewMessage, new_message, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from tests.gateway.delivery.office import make_entry, make_message

DEAD = "dead.example"


@dataclass
class Worker:
    """Delivers at once, but hangs for ever on the dead destination."""

    store: Store
    hanging: int = 0
    delivered: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        if batch.domain == DEAD:
            self.hanging += 1
            await asyncio.get_running_loop().create_future()
        done = tuple(save_entry(replace(entry, state=EntryState.DELIVERED), release=True) for entry in batch.entries)
        await self.store.commit(Unit(changes=done))
        self.delivered.append(batch.domain)
        self.arrived.set()
        return ()

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        raise AssertionError("nothing is damaged here")


async def put(
    store: Store, domain: str, *, lease: datetime | None = None, age: timedelta = timedelta(), size: int = 0
) -> NewMessage:
    due = datetime.now(UTC) - age
    message = make_message(
        make_entry(new_queue_id(), recipient=f"pat@{domain}", next_attempt_at=due), lease_until=lease
    )
    message = replace(message, body=message.body + bytes(size))
    await store.commit(Unit(changes=new_message(await store.seal_message(message))))
    return message


async def run_until_arrival(scheduler: Scheduler, worker: Worker) -> None:
    task = asyncio.create_task(scheduler.run())
    try:
        async with asyncio.timeout(10):
            await worker.arrived.wait()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_fresh_mail_passes_a_dead_destination(store: Store) -> None:
    """However much waits for it, another domain's mail is not behind it."""
    worker = Worker(store)
    scheduler = Scheduler(store, worker, most_at_once=8, most_for_one=4)
    lease = datetime.now(UTC) + timedelta(hours=1)
    scheduler.take_new([await put(store, DEAD, lease=lease) for _ in range(20)])
    scheduler.take_new([await put(store, "b.example", lease=lease)])
    await run_until_arrival(scheduler, worker)
    assert worker.delivered == ["b.example"]
    assert worker.hanging <= 4


async def test_due_mail_passes_a_dead_destination(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what is read from the store: more of the dead one is not even fetched."""
    monkeypatch.setattr(module, "CLAIM", 8)
    monkeypatch.setattr(module, "POLL", timedelta(milliseconds=20))
    for _ in range(30):
        await put(store, DEAD, age=timedelta(hours=1))
    await put(store, "b.example")
    worker = Worker(store)
    scheduler = Scheduler(store, worker, most_at_once=8, most_for_one=4)
    await run_until_arrival(scheduler, worker)
    assert worker.delivered == ["b.example"]
    assert scheduler.in_hand < 20


async def test_many_dead_destinations_do_not_fill_the_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """RX-10: too few wait for each of them to be left out of the next claim, and together they are more than a line."""
    monkeypatch.setattr(module, "CLAIM", 6)
    monkeypatch.setattr(module, "POLL", timedelta(milliseconds=5))
    for _ in range(12):
        await put(store, DEAD, age=timedelta(hours=1))
    await put(store, "b.example")
    worker = Worker(store)
    scheduler = Scheduler(store, worker, most_at_once=4, most_for_one=2)
    scheduler._line._per_destination = 100  # when it is crowded, not what may be under way
    await run_until_arrival(scheduler, worker)
    assert worker.delivered == ["b.example"]


@pytest.mark.parametrize("how", ["fresh", "due"])
async def test_large_messages_of_a_dead_destination_do_not_take_all_memory(
    store: Store, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destination that takes connections and never answers keeps what it was given for minutes: a share, not all."""
    monkeypatch.setattr(module, "MEMORY_BYTES", 100_000)
    monkeypatch.setattr(module, "POLL", timedelta(milliseconds=20))
    worker = Worker(store)
    scheduler = Scheduler(store, worker)
    lease = datetime.now(UTC) + timedelta(hours=1) if how == "fresh" else None
    dead = [await put(store, DEAD, lease=lease, age=timedelta(hours=1), size=20_000) for _ in range(12)]
    scheduler.take_new([*dead, await put(store, "b.example", lease=lease, size=20_000)])
    await run_until_arrival(scheduler, worker)
    assert worker.delivered == ["b.example"]
    assert worker.hanging == 2
