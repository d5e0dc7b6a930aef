"""What the portal does to the queue: one transaction with its event each, durable before the portal answers."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from gateway.daemon.desk import Desk
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.scheduler import Scheduler
from gateway.message import pickup
from gateway.message.entry import EntryState, MessageKind
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Secret
from gateway.store import queue
from gateway.store.rows import NewMessage, PortalMessage, close_portal
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.delivery.office import MARKER, NO_TLS, RECIPIENT, REJECTED, SENDER, Office, make_entry, told, words
from tests.gateway.delivery.trouble import BadDisk

IP = "192.0.2.9"


@pytest.fixture
def scheduler(store: Store, office: Office) -> Scheduler:
    """One that never runs: what is handed to it stays in its hand."""
    return Scheduler(store, office.clerk)


@pytest.fixture
def desk(store: Store, office: Office, scheduler: Scheduler) -> Desk:
    return Desk(store, office.own_mail, office.about, scheduler)


async def publish(office: Office, *, pin: bool = False, **changes: Any) -> tuple[NewMessage, PortalMessage]:
    if pin:
        office.see(RECIPIENT, NO_TLS)
    methods = (Method.TLS, Method.PORTAL) if pin else (Method.PORTAL,)
    message = await office.send(make_entry(new_queue_id(), methods=methods, **changes))
    (waiting,) = await office.waiting(message.id)
    return message, waiting


async def test_opening_ends_the_entry_once(office: Office, desk: Desk) -> None:
    """Invariant 3: picked up, with its evidence; a second look is an event and nothing more."""
    message, waiting = await publish(office)
    await desk.opened(waiting, client_ip=IP)
    assert await office.state(message.id) is EntryState.PICKED_UP
    (after,) = await office.waiting(message.id)
    assert after.opened_at is not None
    await desk.opened(waiting, client_ip=IP)
    assert [event.data["client_ip"] for event in await office.events("portal.opened")] == [IP, IP]
    assert await office.waiting(message.id) == (after,)
    assert await office.is_sealed(message.id), "it may be read again until it expires"


@pytest.mark.parametrize("pin", [False, True])
async def test_pickup_is_the_success_that_was_asked_for(
    office: Office, desk: Desk, scheduler: Scheduler, pin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 3461 4.1: told once, when the recipient has it, not when it was published; nothing of it is shown."""
    told_about: list[NewMessage] = []
    monkeypatch.setattr(scheduler, "take_new", told_about.extend)
    message, waiting = await publish(office, pin=pin, notify=frozenset({Notify.SUCCESS}))
    assert office.own(MessageKind.DSN) == []
    for _ in range(2):
        await desk.opened(waiting, client_ip=IP)
    (dsn,) = told_about
    assert told(dsn) == [(RECIPIENT, "delivered", "2.1.5")]
    assert "opened your message in our portal" in words(dsn)
    assert "reach the recipient in another way" not in words(dsn)
    assert b"Secret subject" not in dsn.body
    assert (await office.events("dsn.created", message.id))[0].data["action"] == "delivered"


async def test_pickup_is_not_told_unasked(office: Office, desk: Desk, scheduler: Scheduler) -> None:
    """RFC 3461 4.1."""
    message, waiting = await publish(office)
    await desk.opened(waiting, client_ip=IP)
    assert await office.events("dsn.created", message.id) == []


async def test_opening_what_has_ended_changes_nothing(office: Office, desk: Desk, store: Store) -> None:
    """The notice bounced while a session was open: the ending stands."""
    message, waiting = await publish(office)
    (notice,) = office.own(MessageKind.NOTICE)
    office.see(RECIPIENT, REJECTED)
    await office.work(notice)
    await desk.opened(waiting, client_ip=IP)
    assert await office.state(message.id) is EntryState.BOUNCED


async def test_two_openings_at_once(office: Office, desk: Desk) -> None:
    message, waiting = await publish(office)
    await asyncio.gather(*(desk.opened(waiting, client_ip=IP) for _ in range(5)))
    assert await office.state(message.id) is EntryState.PICKED_UP
    assert len(await office.events("portal.opened")) == 5


async def test_a_code_is_mailed_and_nowhere_else(office: Office, desk: Desk, store: Store) -> None:
    """PO-01, PO-04: protected, for ten minutes, and only its id in the log."""
    message, waiting = await publish(office)
    await desk.send_code(waiting, "493817", "ABCD")
    async with store.read() as conn:
        (code,) = [entry for entry in await queue.listing(conn, queue.Filter()) if entry.kind is MessageKind.CODE]
    assert (code.recipient, code.protected, code.methods) == (RECIPIENT, True, (Method.TLS,))
    assert code.expires_at - code.queued_at == timedelta(minutes=10)
    assert b"493817" in await queue.load_body(store, code.queue_id)
    (event,) = await office.events("portal.code_sent")
    assert (event.queue_id, event.data["code_id"]) == (message.id, code.queue_id)
    assert "493817" not in repr(await office.events())


async def test_a_spent_pin_is_replaced_and_the_sender_told(office: Office, desk: Desk, store: Store) -> None:
    message, waiting = await publish(office, pin=True)
    await desk.pin_exhausted(waiting)
    (after,) = await office.waiting(message.id)
    assert (after.secret, after.tries_left) == (Secret.PIN, pickup.TRIES)
    assert after.secret_hash != waiting.secret_hash
    async with store.read() as conn:
        last = (await queue.listing(conn, queue.Filter(recipient=SENDER)))[-1]
    body = await queue.load_body(store, last.queue_id)
    pin = re.search(r"\d{4}-\d{4}", words(NewMessage(
        id="x", kind=last.kind, sender="", received_at=last.queued_at, body=body, entries=(last,)
    )))  # fmt: skip
    assert pin
    assert pickup.is_right(after.secret_hash, pin[0])
    assert (await office.kinds(message.id))[-1] == "portal.pin_made"
    assert last.protected


async def test_mail_of_the_desk_goes_out_at_once(office: Office, store: Store) -> None:
    """A person waits for the code: it is delivered from memory, urgent."""
    scheduler = Scheduler(store, office.clerk)
    own = OwnMail(office.own_mail._policy, lease=lambda: scheduler.lease_until)
    _, waiting = await publish(office)
    await Desk(store, own, office.about, scheduler).send_code(waiting, "493817", "ABCD")
    assert scheduler.in_hand == 1


async def test_what_else_is_noted(office: Office, desk: Desk) -> None:
    """PO-13: downloads and wrong guesses; the part by its number, never by its name."""
    message, waiting = await publish(office)
    await desk.downloaded(waiting, number=2, size=99, client_ip=IP)
    await desk.failed(waiting, tries_left=3, client_ip=IP)
    await desk.refused(waiting, client_ip=IP)
    downloaded, failed, refused = (await office.events(queue_id=message.id))[-3:]
    assert (downloaded.kind, downloaded.data["part"], downloaded.data["size"]) == ("portal.downloaded", "2", 99)
    assert (failed.kind, failed.data["tries_left"]) == ("portal.code_failed", 3)
    assert (refused.kind, refused.recipient) == ("portal.refused", waiting.recipient)  # ID-12


async def test_the_message_is_read_from_the_store(office: Office, desk: Desk) -> None:
    message, _ = await publish(office)
    assert MARKER in await desk.load_message(message.id)


@pytest.mark.slow
async def test_nothing_is_shown_before_its_event_is_durable(office: Office, desk: Desk, store: Store) -> None:
    """PO-13: the portal waits for a sick store rather than show a message that nobody noted."""
    message, waiting = await publish(office)
    disk = BadDisk(store)
    await disk.break_()
    opening = asyncio.create_task(desk.opened(waiting, client_ip=IP))
    done, _ = await asyncio.wait({opening}, timeout=0.1)
    assert not done
    disk.mend()
    async with asyncio.timeout(10):
        await opening
    assert await office.state(message.id) is EntryState.PICKED_UP


async def test_a_closed_message_cannot_be_given_a_pin(office: Office, desk: Desk, store: Store) -> None:
    """It expired in the same moment: the request fails, and no sender hears of a PIN that opens nothing."""
    message, waiting = await publish(office)
    await store.commit(Unit(changes=(close_portal(waiting.token_hash),)))
    with pytest.raises(Exception, match="not there"):
        await desk.pin_exhausted(waiting)
    assert "portal.pin_made" not in await office.kinds(message.id)
