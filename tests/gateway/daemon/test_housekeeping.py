"""What the clock ends: portal messages and held mail, each with word to its sender; and jobs that do not end others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit import checkpoint
from gateway.config.modes import CodeChannel
from gateway.daemon.desk import Desk
from gateway.daemon.housekeeping import Housekeeping
from gateway.delivery.publish import Publisher
from gateway.delivery.record import Record
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Cause
from gateway.store import queue
from gateway.store.rows import NewMessage
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.delivery.office import DAY, SENDER, Office, make_entries, make_entry, make_message, told
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.waiting import until


@pytest.fixture
async def keeper(office: Office, store: Store) -> Housekeeping:
    return Housekeeping(
        store=store,
        about=office.about,
        scheduler=Scheduler(store, office.clerk),
        signer=await checkpoint.load_signer(store, hostname="gw.clinic.example"),
        metrics=office.metrics,
        held_for=30 * DAY,
    )


async def publish(office: Office, *, lifetime: timedelta = timedelta(0)) -> NewMessage:
    """A message in the portal whose time is over, unless it is told otherwise."""
    message = await office.accept(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    record = Record()
    publisher = Publisher(office.own_mail, lifetime=lifetime, channel=CodeChannel.VERIFIED)
    await publisher.publish(message.entries[0], record, cause=Cause.POLICY, at=datetime.now(UTC))
    await record.commit(office.store)
    return message


async def dsns(office: Office) -> list[tuple[QueueEntry, NewMessage]]:
    """Status notices in the queue, with their bodies."""
    async with office.store.read() as conn:
        found = [entry for entry in await queue.listing(conn, queue.Filter()) if entry.kind is MessageKind.DSN]
    return [(entry, make_message(entry, body=await queue.load_body(office.store, entry.queue_id))) for entry in found]


async def test_what_nobody_picked_up_expires_with_notice(office: Office, keeper: Housekeeping) -> None:
    """Invariants 3 and 4, PO-18: ended, link dead, content destroyed, sender told; once."""
    message = await publish(office)
    await keeper.expire_portal()
    await keeper.expire_portal()
    assert await office.state(message.id) is EntryState.EXPIRED
    assert await office.waiting(message.id) == ()
    assert not await office.is_sealed(message.id)
    kinds = await office.kinds(message.id)
    assert kinds == ["portal.published", "portal.expired", "delivery.expired", "dsn.created"]
    ((entry, dsn),) = await dsns(office)
    assert entry.recipient == SENDER
    assert [status for _, _, status in told(dsn)] == ["5.4.7"]
    assert b"did not pick the message up in time" in dsn.body


async def test_what_was_read_leaves_quietly(office: Office, keeper: Housekeeping, store: Store) -> None:
    """One ending: picked up; at the end of its life link and content go, and nobody is alarmed."""
    message = await publish(office)
    (waiting,) = await office.waiting(message.id)
    scheduler = Scheduler(store, office.clerk)
    await Desk(store, office.own_mail, office.about, scheduler).opened(waiting, client_ip="192.0.2.9")
    await keeper.expire_portal()
    assert await office.state(message.id) is EntryState.PICKED_UP
    assert await office.waiting(message.id) == ()
    assert not await office.is_sealed(message.id)
    (event,) = await office.events("portal.expired")
    assert event.data["was_opened"] is True
    assert await dsns(office) == []


async def test_what_still_has_time_stays(office: Office, keeper: Housekeeping) -> None:
    message = await publish(office, lifetime=DAY)
    await keeper.expire_portal()
    assert await office.state(message.id) is EntryState.PORTAL


async def test_held_mail_that_nobody_decided_on_comes_back(office: Office, keeper: Housekeeping) -> None:
    """Invariant 3, OB-11: after `retention.held`; one notice for all recipients of a message."""
    old = datetime.now(UTC) - 31 * DAY
    people = ("a@b.example", "c@d.example")
    over = await office.accept(*make_entries(*people, state=EntryState.HELD, methods=(), queued_at=old))
    young = await office.accept(*make_entries(*people, state=EntryState.HELD, methods=()))
    silent = await office.accept(make_entry(new_queue_id(), sender="", state=EntryState.HELD, queued_at=old))
    await keeper.expire_held()
    assert {entry.state for entry in await office.entries(over.id)} == {EntryState.EXPIRED}
    assert {entry.state for entry in await office.entries(young.id)} == {EntryState.HELD}
    assert await office.state(silent.id) is EntryState.EXPIRED
    ((_, dsn),) = await dsns(office)
    assert [recipient for recipient, _, _ in told(dsn)] == list(people)
    assert not await office.is_sealed(over.id)
    assert await office.is_sealed(young.id)


async def test_gauges(office: Office, keeper: Housekeeping) -> None:
    """OP-04: queue by state, its age, the log, and the store's health."""
    old = datetime.now(UTC) - DAY
    await office.accept(make_entry(new_queue_id(), queued_at=old))
    await office.accept(make_entry(new_queue_id(), state=EntryState.HELD))
    await keeper.measure()
    page = office.metrics.page().decode()
    assert 'mailward_queue_messages{state="queued"} 1.0' in page
    assert 'mailward_queue_messages{state="held"} 1.0' in page
    assert "mailward_store_healthy 1.0" in page
    (age,) = (line.split()[-1] for line in page.splitlines() if line.startswith("mailward_queue_oldest_message_age"))
    assert 86_400 <= float(age) < 86_500
    await BadDisk(office.store).break_()
    await keeper.measure()
    assert "mailward_store_healthy 0.0" in office.metrics.page().decode()


@pytest.fixture
async def running(keeper: Housekeeping, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Every job at its first turn, one of which fails each time. Gives: its calls."""
    calls: list[str] = []

    async def broken() -> None:
        calls.append("broken")
        raise RuntimeError("a bug")

    monkeypatch.setattr(keeper, "_jobs", [(timedelta(milliseconds=5), broken), *keeper._jobs])
    task = asyncio.create_task(keeper.run())
    yield calls
    assert not task.done(), "no job may end it"
    task.cancel()
    await asyncio.wait({task})


async def test_a_failing_job_does_not_end_the_others(office: Office, running: list[str]) -> None:
    """It is logged and comes again; heartbeat and checkpoint are made all the same (AU-03, AU-06)."""

    async def is_signed() -> bool:
        async with office.store.read() as conn:
            return await checkpoint.newest(conn) is not None

    await until(is_signed)
    await until(lambda: len(running) > 2)

    async def has_beaten() -> bool:
        return bool(await office.events("heartbeat"))

    await until(has_beaten)
