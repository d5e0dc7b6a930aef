"""What an operator does to what waits: the ending, its event, the word to the sender, and never a second ending."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.search import Query, search
from gateway.control import changes, look
from gateway.control import queue as control
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.letter import Batch
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.event import Event
from gateway.message.queue_id import new_queue_id
from gateway.store import portal, queue
from gateway.store.fetching import through
from gateway.store.rows import NewMessage, PortalMessage, new_message, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.delivery import office as delivery
from tests.gateway.delivery.office import DEFERRED, NO_TLS, RECIPIENT, SENDER, make_entries, make_entry
from tests.gateway.pipeline.counter import Counter, letter

WHY = "the practice moved"
DONE = {"done": 1, "busy": 0, "other": 0}
Act = Callable[..., Awaitable[dict[str, int]]]
ACTS = pytest.mark.parametrize("act", [changes.hold, changes.delete, changes.bounce])


async def entries(store: Store, queue_id: str) -> tuple[QueueEntry, ...]:
    async with store.read() as conn:
        return await queue.of_message(conn, queue_id)


async def events(store: Store, kind: str = "", queue_id: str = "") -> list[Event]:
    async with store.read() as conn:
        return [found.event for found in await search(conn, Query(kind=kind, queue_id=queue_id))]


async def own(store: Store, kind: MessageKind) -> list[QueueEntry]:
    async with store.read() as conn:
        return [one for one in await queue.listing(conn, queue.Filter()) if one.kind is kind]


async def waiting(store: Store, *recipients: str, **values: object) -> NewMessage:
    work = delivery.Office(store)
    return await work.accept(*make_entries(*(recipients or (RECIPIENT,)), **values))


# --- the three acts ---


async def test_hold_stops_attempts_and_tells_the_sender(office: Office, store: Store) -> None:
    """Invariant 3: silence endangers patients."""
    message = await waiting(store)
    assert await changes.hold(office, ids=[f"{message.id}-1"], why=WHY) == DONE
    (entry,) = await entries(store, message.id)
    assert entry.state is EntryState.HELD
    async with store.read() as conn:
        assert await queue.due(conn, now=datetime.now(UTC), limit=9) == await queue.listing(
            conn, queue.Filter(kinds=[MessageKind.SENDER_NOTICE])
        )
    (event,) = await events(store, "message.held")
    assert (event.data["why"], event.data["by"], event.recipient) == (WHY, changes.BY, RECIPIENT)
    assert [one.recipient for one in await own(store, MessageKind.SENDER_NOTICE)] == [SENDER]


async def test_delete_ends_it_and_tells_nobody(office: Office, store: Store) -> None:
    message = await waiting(store)
    assert await changes.delete(office, ids=[f"{message.id}-1"], why=WHY) == DONE
    (entry,) = await entries(store, message.id)
    assert entry.state is EntryState.REJECTED
    (event,) = await events(store, queue_id=message.id)
    assert (event.kind, event.data["why"], event.data["by"]) == ("message.deleted", WHY, changes.BY)
    async with store.read() as conn:
        facts = await queue.message_facts(conn, message.id)
        assert len(await queue.listing(conn, queue.Filter())) == 1
    assert facts
    assert not facts.is_sealed, "nobody needs the content any more"


@pytest.mark.parametrize("wants", [True, False])
async def test_bounce_ends_it_and_tells_the_sender(office: Office, store: Store, wants: bool) -> None:
    """RFC 3461 section 4.1: NOTIFY is honoured. The operator's reason is for the log, not for the sender."""
    notify = frozenset({Notify.FAILURE if wants else Notify.NEVER})
    message = await waiting(store, notify=notify)
    assert await changes.bounce(office, ids=[f"{message.id}-1"], why=WHY) == DONE
    assert [one.state for one in await entries(store, message.id)] == [EntryState.BOUNCED]
    kinds = [event.kind for event in await events(store, queue_id=message.id)]
    assert kinds == ["message.bounced", "dsn.created"][: 1 + wants]
    assert [one.recipient for one in await own(store, MessageKind.DSN)] == [SENDER] * wants
    for dsn in await own(store, MessageKind.DSN):
        body = await queue.load_body(store, dsn.queue_id)
        assert b"administrators" in body.replace(b"=\r\n", b"")
        assert WHY.encode() not in body


@ACTS
async def test_nothing_named_is_nothing_changed(office: Office, store: Store, act: Act) -> None:
    """Invariant 3: an empty choice is not all that waits."""
    message = await waiting(store)
    assert await act(office, ids=[], why=WHY) == {"done": 0, "busy": 0, "other": 0}
    assert [one.state for one in await entries(store, message.id)] == [EntryState.QUEUED]


async def test_one_recipient_of_several(office: Office, store: Store) -> None:
    message = await waiting(store, "a@b.example", "c@d.example", "e@f.example")
    await changes.bounce(office, ids=[f"{message.id}-2"], why=WHY)
    states = [one.state for one in await entries(store, message.id)]
    assert states == [EntryState.QUEUED, EntryState.BOUNCED, EntryState.QUEUED]


async def test_one_notice_for_all_recipients_of_a_message(office: Office, store: Store) -> None:
    """OB-11: one DSN lists all recipients of one change."""
    message = await waiting(store, "a@b.example", "c@d.example")
    other = await waiting(store)
    ids = [f"{message.id}-1", f"{message.id}-2", f"{other.id}-1"]
    assert await changes.bounce(office, ids=ids, why=WHY) == {"done": 3, "busy": 0, "other": 0}
    assert len(await own(store, MessageKind.DSN)) == 2


@pytest.mark.parametrize("act", [changes.delete, changes.bounce])
async def test_what_waits_in_the_portal_can_be_taken_back(office: Office, store: Store, act: Act) -> None:
    """The link is dead from then on, and the content is gone."""
    work = delivery.Office(store)
    work.see(RECIPIENT, NO_TLS)
    message = await work.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    assert await work.state(message.id) is EntryState.PORTAL
    assert await act(office, ids=[f"{message.id}-1"], why=WHY) == DONE
    assert await work.waiting(message.id) == ()
    assert not await work.is_sealed(message.id)


async def test_a_portal_notice_that_is_deleted_gives_its_message_back(office: Office, store: Store) -> None:
    """Invariant 3: without its link nobody will ever pick the message up."""
    work = delivery.Office(store)
    work.see(RECIPIENT, NO_TLS)
    message = await work.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    (notice,) = work.own(MessageKind.NOTICE)
    assert await changes.delete(office, ids=[f"{notice.id}-1"], why=WHY) == DONE
    assert await work.state(message.id) is EntryState.BOUNCED
    assert [one.recipient for one in await own(store, MessageKind.DSN)] == [SENDER]
    assert await events(store, "incident.") == []


async def test_our_own_mail_is_not_held(office: Office, store: Store) -> None:
    """A bounce that waits for a person is a sender who does not know."""
    work = delivery.Office(store)
    work.see(RECIPIENT, DEFERRED)
    dsn = await work.accept(make_entry(new_queue_id(), kind=MessageKind.DSN, sender="", recipient=SENDER))
    assert await changes.hold(office, ids=[f"{dsn.id}-1"], why=WHY) == {"done": 0, "busy": 0, "other": 1}


@ACTS
async def test_what_has_its_ending_keeps_it(office: Office, store: Store, act: Act) -> None:
    """Invariant 3: one ending, and no event about a second."""
    message = await delivery.Office(store).send(make_entry(new_queue_id()))
    before = await events(store)
    assert await act(office, ids=[f"{message.id}-1"], why=WHY) == {"done": 0, "busy": 0, "other": 1}
    assert await events(store) == before
    assert [one.state for one in await entries(store, message.id)] == [EntryState.DELIVERED]


@ACTS
async def test_a_reason_is_needed(office: Office, store: Store, act: Act) -> None:
    message = await waiting(store)
    with pytest.raises(Refused, match="reason"):
        await act(office, ids=[f"{message.id}-1"], why=" ")
    with pytest.raises(Refused, match="at most"):
        await act(office, ids=["x"] * 501, why=WHY)


async def test_release_lets_go_what_was_held_by_hand(office: Office, store: Store) -> None:
    """By a decision of today, as anything that is held."""
    queue_id = await Counter(store).accept(letter(), "a@b.example", "c@d.example")
    async with store.read() as conn:
        leased = await queue.listing(conn, queue.Filter(queue_id=queue_id))
    await store.commit(Unit(changes=tuple(save_entry(one, release=True) for one in leased)))
    ids = [one.id for one in leased]
    assert (await changes.hold(office, ids=ids, why=WHY))["done"] == 2
    shown = (await control.show(office, queue_id=queue_id))["recipients"]
    assert [one["delay_reason"] for one in shown] == [WHY, WHY]
    assert await control.release(office, queue_id=queue_id, reason="it did not", to="c@d.example") == 1
    assert [one.state for one in await entries(store, queue_id)] == [EntryState.HELD, EntryState.QUEUED]
    assert await control.release_many(office, ids=[queue_id], reason="it did not") == {"released": 1, "held": 0}


# --- beside a delivery ---


class Slow:
    """A worker that stays with its first batch until it is told to end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.end = asyncio.Event()
        self.worked: list[str] = []

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        self.worked += [entry.id for entry in batch.entries]
        self.begun.set()
        await self.end.wait()
        return ()

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        raise AssertionError(entries)


@ACTS
async def test_nobody_changes_what_is_being_delivered(office: Office, store: Store, act: Act) -> None:
    """Invariant 3: it would end twice. What waits in line behind it is changed, and never delivered any more."""
    worker = Slow()
    scheduler = Scheduler(store, worker, most_at_once=1)
    until = scheduler.lease_until
    first, second = (make_entry(new_queue_id()) for _ in range(2))
    for entry in (first, second):
        message = delivery.make_message(entry, lease_until=until)
        await store.commit(Unit(changes=new_message(await store.seal_message(message))))
        scheduler.take_new([message])
    running = asyncio.create_task(scheduler.run())
    await worker.begun.wait()
    live = replace(office, withdraw=scheduler.withdraw)
    assert await act(live, ids=[first.id, second.id], why=WHY) == {"done": 1, "busy": 1, "other": 0}
    assert (await entries(store, first.queue_id))[0].state is EntryState.QUEUED
    assert (await entries(store, second.queue_id))[0].state is not EntryState.QUEUED
    scheduler.stop()
    worker.end.set()
    await running
    assert worker.worked == [first.id]


async def test_what_another_node_holds_is_left_alone(office: Office, store: Store) -> None:
    """QD-15: a lease stays with its holder, also for one that this node claimed and has not put in line yet."""
    for owner in ("node-2", store.node):
        message, lease = await waiting(store), timedelta(minutes=5)
        assert await queue.claim(store, owner=owner, now=datetime.now(UTC), lease=lease, limit=1)
        result = await changes.delete(office, ids=[f"{message.id}-1"], why=WHY)
        assert result == {"done": 0, "busy": 1, "other": 0}
        async with store.read() as conn:
            assert await queue.one(conn, f"{message.id}-1")


async def test_a_lost_race_writes_nothing(office: Office, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody reads it in the portal between our look and our commit: picked up it is, and no event says deleted."""
    work = delivery.Office(store)
    message = await work.accept(make_entry(new_queue_id()))
    (entry,) = await work.entries(message.id)

    picked_up = save_entry(replace(entry, state=EntryState.PICKED_UP), release=True)
    waiting_for = portal.of_message

    async def raced(conn: AsyncConnection, queue_id: str) -> tuple[PortalMessage, ...]:
        await store.commit(Unit(changes=(picked_up,)))
        return await waiting_for(conn, queue_id)

    monkeypatch.setattr(portal, "of_message", raced)
    assert await changes.delete(office, ids=[entry.id], why=WHY) == {"done": 0, "busy": 1, "other": 0}
    assert await work.state(message.id) is EntryState.PICKED_UP
    assert await events(store, "message.deleted") == []


# --- what is shown ---


async def test_show_has_every_attempt_with_its_evidence(office: Office, store: Store) -> None:
    """What operators ask first: what was tried, when, over which TLS, what the peer said, and when it is tried next."""
    work = delivery.Office(store)
    work.see(RECIPIENT, DEFERRED)
    message = await work.send(make_entry(new_queue_id()))
    await work.work(message)
    (shown,) = (await control.show(office, queue_id=message.id))["recipients"]
    assert shown["attempts"] == len(shown["attempted"]) == 2
    one = shown["attempted"][0]
    assert (one["seen"], one["host"], one["reply"]) == ("deferred", "mx.b.example", "450 4.2.0 later")
    assert (one["tls_version"], one["verification"]) == ("TLSv1.3", "webpki, MX unsigned")
    assert shown["why"] == "mx.b.example: 450 4.2.0 later"
    assert shown["next_attempt_at"] > message.received_at.isoformat()


async def test_the_table_says_why_in_words(store: Store) -> None:
    work = delivery.Office(store)
    await work.accept(make_entry(new_queue_id(), recipient="new@b.example"))
    work.see("late@b.example", DEFERRED)
    await work.send(make_entry(new_queue_id(), recipient="late@b.example"))
    work.see("none@b.example", NO_TLS)
    await work.send(make_entry(new_queue_id(), recipient="none@b.example", methods=(Method.TLS, Method.PORTAL)))
    which = queue.Filter(states=queue.UNFINISHED, kinds=[MessageKind.MAIL])
    async with store.read() as conn:
        rows = {row[6]: row for row in await look.table(through(conn), which)}
    assert rows["new@b.example"][7] == "no attempt yet"
    assert rows["late@b.example"][7] == "450 4.2.0 later"
    assert rows["none@b.example"][7] == "waits to be picked up"
    assert rows["none@b.example"][4] is None
