"""Endings that are no delivery: saved, content destroyed, and the sender told once, as far as they want to know."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.delivery.record import Record
from gateway.message.entry import EntryState, MessageKind
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Cause
from policy.decision import Method
from tests.gateway.delivery.office import Office, make_entries, make_entry, read, told

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHY = "Nobody decided in time"
NEVER = frozenset({Notify.NEVER})


async def test_one_notice_for_all_recipients_of_a_change(office: Office) -> None:
    """OB-11, invariant 4."""
    message = await office.accept(*make_entries("a@b.example", "c@d.example", state=EntryState.HELD))
    record = Record()
    ended = [replace(entry, state=EntryState.EXPIRED) for entry in message.entries]
    await office.about.give_back(ended, record, why=WHY, at=NOW)
    await record.commit(office.store)
    assert {entry.state for entry in await office.entries(message.id)} == {EntryState.EXPIRED}
    assert not await office.is_sealed(message.id)
    (dsn,) = record.own
    assert [recipient for recipient, _, _ in told(dsn)] == ["a@b.example", "c@d.example"]
    assert WHY in read(dsn).as_string()
    assert [event.recipient for event in record.events] == ["a@b.example", "c@d.example"]


@pytest.mark.parametrize("changes", [{"sender": ""}, {"notify": NEVER}], ids=["null sender", "NOTIFY=NEVER"])
async def test_who_is_not_told(office: Office, changes: dict[str, object]) -> None:
    """OB-10, OB-11: the ending is saved all the same."""
    (entry,) = make_entries("a@b.example", **changes)
    message = await office.accept(entry)
    record = Record()
    await office.about.give_back([replace(entry, state=EntryState.BOUNCED)], record, why=WHY, at=NOW)
    await record.commit(office.store)
    assert record.own == []
    assert await office.state(message.id) is EntryState.BOUNCED


async def test_a_new_pin_needs_a_sender_to_tell_it(office: Office) -> None:
    """Otherwise nobody could open the message any more."""
    message = await office.send(make_entry(new_queue_id(), sender="", methods=(Method.PORTAL,)))
    (waiting,) = await office.waiting(message.id)
    record = Record()
    await office.about.new_pin(waiting, record, cause=Cause.PIN_USED_UP, why=WHY, at=NOW)
    assert record == Record()


@pytest.mark.parametrize("kind", [MessageKind.NOTICE, MessageKind.CODE])
async def test_mail_about_a_message_that_is_gone_changes_nothing(office: Office, kind: MessageKind) -> None:
    """The portal message expired while its notice or code was still on its way."""
    message = await office.accept(make_entry(new_queue_id()))
    entry = make_entry(new_queue_id(), kind=kind, sender="", state=EntryState.BOUNCED)
    letter_record = Record()
    letter = await office.about._letter(message.id)
    assert letter is not None
    await office.about.ended(
        replace(letter, kind=kind, about_id=message.id), entry, letter_record, is_delivered=False, at=NOW
    )
    assert letter_record == Record()
