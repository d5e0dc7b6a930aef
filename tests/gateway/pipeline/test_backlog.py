"""RX-09: so much may wait for delivery, and no more is begun; it drains without anybody's help."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.message.entry import EntryState
from gateway.message.verdict import REPLIES, Verdict
from gateway.metrics import Metrics
from gateway.pipeline.backlog import LOOK_S, Backlog
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from tests.gateway.config.samples import settings
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.pipeline.counter import CLEAN, Counter, letter
from tests.gateway.waiting import until

LIMIT = "[limits]\nqueue_messages = 10\n"


def small(store: Store) -> Counter:
    return Counter(store, CLEAN, settings(LIMIT))


async def fill(counter: Counter, recipients: int) -> None:
    await counter.accept(letter(), *(f"p{number}@x.example" for number in range(recipients)))


async def test_the_limit_is_told_once_and_in_every_way(store: Store) -> None:
    """RX-09: 452 4.3.1, an error in the log, one audit event and a metric, however often it is asked."""
    counter = small(store)
    await counter.backlog.measure()
    await fill(counter, 9)
    assert counter.backlog.refusal() is None
    with capture_logs() as logs:
        await fill(counter, 1)
        assert [counter.backlog.refusal() for _ in range(50)] == [Verdict.QUEUE_FULL] * 50
        await fill(counter, 1)
    assert str(REPLIES[Verdict.QUEUE_FULL]).startswith("452 4.3.1 ")
    assert [line["log_level"] for line in logs if line["event"] == "queue_full"] == ["error"]
    assert "mailward_queue_full 1.0" in counter.metrics.page().decode()
    await until(lambda: _has_event(counter, "queue.full"))
    (event,) = await counter.events("queue.full")
    assert event.data == {"queued": 10, "limit": 10}


async def _has_event(counter: Counter, kind: str) -> bool:
    return bool(await counter.events(kind))


async def test_it_drains_by_itself_while_clients_ask(store: Store) -> None:
    """RX-09: what was delivered is seen within a second, and some room must be there before mail is taken again."""
    counter = small(store)
    now = 100.0
    backlog = Backlog(store, limit=10, metrics=counter.metrics, clock=lambda: now)
    await fill(counter, 12)
    await backlog.measure()
    assert backlog.refusal() is Verdict.QUEUE_FULL
    await deliver(counter, 3)
    now += LOOK_S
    assert backlog.refusal() is Verdict.QUEUE_FULL
    await until(lambda: backlog.waiting == 9)
    assert backlog.is_full, "nine tenths are not room enough"
    await deliver(counter, 1)
    assert backlog.refusal() is Verdict.QUEUE_FULL
    assert backlog.waiting == 9, "not counted twice in one second"
    now += LOOK_S
    backlog.refusal()
    await until(lambda: not backlog.is_full)
    assert backlog.refusal() is None
    await until(lambda: _has_event(counter, "queue.drained"))
    assert "mailward_queue_full 0.0" in counter.metrics.page().decode()


async def deliver(counter: Counter, recipients: int) -> None:
    """The ending of so many entries."""
    waiting = [entry for entry in await counter.everything() if entry.state is EntryState.QUEUED]
    done = [replace(entry, state=EntryState.DELIVERED) for entry in waiting[:recipients]]
    await counter.store.commit(Unit(changes=tuple(save_entry(entry, release=True) for entry in done)))


async def test_it_is_known_right_after_a_start(store: Store) -> None:
    """RX-09: what the last run left counts before the first message."""
    await fill(small(store), 10)
    after_restart = Backlog(store, limit=10, metrics=Metrics())
    await after_restart.measure()
    assert after_restart.refusal() is Verdict.QUEUE_FULL


async def test_held_mail_does_not_count(store: Store) -> None:
    """RX-09: what one login has on hold does not stop everybody else."""
    counter = Counter(store, CLEAN, settings(LIMIT + "[brake]\nmessages_per_hour = 1\n"))
    for _ in range(20):
        await fill(counter, 1)
    await counter.backlog.measure()
    assert counter.backlog.refusal() is None


@pytest.mark.parametrize("when", ["unreadable", "unwritable"])
async def test_a_sick_store_leaves_it_as_it_is(store: Store, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the count nor the event brings anybody down."""
    counter = small(store)
    if when == "unwritable":
        await fill(counter, 9)
        await BadDisk(store).break_()
        counter.backlog.take(1)
    else:
        await fill(counter, 10)
        await store.close()
        await counter.backlog.measure()
    assert counter.backlog.refusal() is Verdict.QUEUE_FULL
