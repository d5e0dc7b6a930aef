"""The clerk with mail of our own: notices, codes and bounces that arrive, wait or cannot be delivered."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.message import pickup
from gateway.message.entry import EntryState, MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Secret
from gateway.store.rows import NewMessage, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.delivery.office import (
    DEFERRED,
    DELIVERED,
    NO_TLS,
    RECIPIENT,
    REJECTED,
    SENDER,
    Office,
    make_entry,
    words,
)
from tls.levels import TlsLevel

PIN = re.compile(r"\b\d{4}-\d{4}\b")


async def publish(office: Office) -> tuple[NewMessage, NewMessage]:
    """A message in the portal. Returns: it, and the notice to its recipient."""
    message = await office.send(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    return message, office.own(MessageKind.NOTICE)[0]


async def test_a_delivered_notice_is_noted_at_its_message(office: Office) -> None:
    message, notice = await publish(office)
    await office.work(notice)
    assert await office.state(notice.id) is EntryState.DELIVERED
    (event,) = await office.events("portal.noticed")
    assert (event.queue_id, event.data["notice_id"]) == (message.id, notice.id)
    (job,) = office.transport.jobs
    assert (job.mail_from, job.needs.is_content_free) == ("", True)


@pytest.mark.parametrize("move", ["bounce", "expire"])
async def test_a_notice_that_cannot_be_delivered_gives_the_message_back(office: Office, move: str) -> None:
    """Invariant 3: nobody will pick it up, so its sender hears it now; portal closed, content destroyed."""
    message, notice = await publish(office)
    if move == "expire":
        await expire(office, notice)
    office.see(RECIPIENT, REJECTED if move == "bounce" else DEFERRED)
    await office.work(notice)
    assert await office.state(message.id) is EntryState.BOUNCED
    assert await office.state(notice.id) is (EntryState.BOUNCED if move == "bounce" else EntryState.EXPIRED)
    assert (await office.kinds(notice.id))[-1] == {"bounce": "delivery.bounced", "expire": "delivery.expired"}[move]
    assert (await office.kinds(message.id))[-2:] == ["delivery.bounced", "dsn.created"]
    assert await office.waiting(message.id) == ()
    assert not await office.is_sealed(message.id)
    (dsn,) = office.own(MessageKind.DSN)
    assert (dsn.entries[0].recipient, dsn.about_id) == (SENDER, message.id)


async def test_a_late_bounce_does_not_undo_a_pick_up(office: Office, store: Store) -> None:
    """Invariant 3, one ending: the reply to the notice was lost, the recipient read it, then the notice bounced."""
    message, notice = await publish(office)
    (entry,) = await office.entries(message.id)
    picked_up = save_entry(replace(entry, state=EntryState.PICKED_UP), release=True)
    await store.commit(Unit(changes=(picked_up,)))
    office.see(RECIPIENT, REJECTED)
    await office.work(notice)
    assert await office.state(message.id) is EntryState.PICKED_UP
    assert len(await office.waiting(message.id)) == 1
    assert office.own(MessageKind.DSN) == []


async def test_a_waiting_notice_is_tried_again_quietly(office: Office) -> None:
    message, notice = await publish(office)
    office.see(RECIPIENT, DEFERRED)
    await office.work(notice)
    assert await office.state(notice.id) is EntryState.QUEUED
    assert await office.state(message.id) is EntryState.PORTAL
    assert [own.kind for own in office.taken] == [MessageKind.NOTICE]


async def ask_for_code(office: Office, message: NewMessage) -> NewMessage:
    (waiting,) = await office.waiting(message.id)
    code = office.own_mail.code(waiting, code="123456", reference="ABCD", now=datetime.now(UTC))
    return await office.accept(*code.entries, body=code.body, about_id=code.about_id)


async def test_a_code_that_cannot_leave_safely_becomes_a_pin(office: Office) -> None:
    """PO-02: the code needs verified TLS; without it the sender tells a PIN instead."""
    message, _ = await publish(office)
    code = await ask_for_code(office, message)
    office.see(RECIPIENT, NO_TLS)
    await office.work(code)
    assert office.transport.jobs[-1].needs.level is TlsLevel.VERIFIED
    assert await office.state(code.id) is EntryState.BOUNCED
    (waiting,) = await office.waiting(message.id)
    assert waiting.secret == Secret.PIN
    (notice,) = office.own(MessageKind.SENDER_NOTICE)
    pin = PIN.search(words(notice))
    assert pin
    assert pickup.is_right(waiting.secret_hash, pin[0])
    assert "portal.pin_made" in await office.kinds(message.id)


async def test_a_second_failing_code_does_not_replace_the_pin(office: Office) -> None:
    """A recipient who asked three times must not make three PINs, of which the sender tells the first."""
    message, _ = await publish(office)
    codes = [await ask_for_code(office, message) for _ in range(3)]
    office.see(RECIPIENT, NO_TLS)
    for code in codes:
        await office.work(code)
    assert len(office.own(MessageKind.SENDER_NOTICE)) == 1
    assert len(await office.events("portal.pin_made")) == 1


@pytest.mark.parametrize("kind", [MessageKind.DSN, MessageKind.SENDER_NOTICE])
async def test_a_sender_who_cannot_be_told_is_an_incident_and_no_loop(office: Office, kind: MessageKind) -> None:
    """OB-10, OB-11: an undeliverable DSN makes no DSN."""
    office.see(RECIPIENT, REJECTED if kind is MessageKind.DSN else NO_TLS, DELIVERED)
    await office.send(make_entry(new_queue_id()))
    (own,) = office.own(kind)
    office.taken.clear()
    office.see(SENDER, REJECTED)
    await office.work(own)
    assert await office.state(own.id) is EntryState.BOUNCED
    assert office.taken == []
    assert not await office.is_sealed(own.id)


async def expire(office: Office, own: NewMessage) -> None:
    (entry,) = await office.entries(own.id)
    late = replace(entry, expires_at=datetime.now(UTC))
    await office.store.commit(Unit(changes=(save_entry(late, release=True),)))
