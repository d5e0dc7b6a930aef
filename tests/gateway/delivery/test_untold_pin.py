"""A PIN that cannot be told to the sender: the message comes back at once (invariant 3: silence endangers patients)."""

from dataclasses import replace

from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store.rows import NewMessage, save_entry
from gateway.store.statements import Unit
from policy.decision import Method
from tests.gateway.delivery.office import NO_TLS, RECIPIENT, SENDER, Office, make_entry, told, words


def to_tls_or_portal() -> QueueEntry:
    return make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL))


async def published(office: Office) -> tuple[NewMessage, NewMessage]:
    """A message that climbed to the portal, and the notice with its PIN."""
    office.see(RECIPIENT, NO_TLS)
    message = await office.send(to_tls_or_portal())
    (notice,) = office.own(MessageKind.SENDER_NOTICE)
    return message, notice


async def test_the_message_comes_back(office: Office) -> None:
    """Neither server has TLS: without a PIN nobody could ever open it, and its sender would hear in thirty days."""
    message, notice = await published(office)
    office.see(SENDER, NO_TLS)
    await office.work(notice)
    assert await office.state(message.id) is EntryState.BOUNCED
    assert await office.waiting(message.id) == ()
    assert not await office.is_sealed(message.id)
    (dsn,) = office.own(MessageKind.DSN)
    assert [action for _, action, _ in told(dsn)] == ["failed"]
    assert "The PIN that opens it could not be told to you" in words(dsn)
    assert (await office.kinds(message.id))[-2:] == ["delivery.bounced", "dsn.created"]


async def test_who_has_read_it_is_left_alone(office: Office) -> None:
    """The sender may know the PIN from an earlier notice; what was picked up has its ending."""
    message, notice = await published(office)
    (entry,) = await office.entries(message.id)
    picked_up = save_entry(replace(entry, state=EntryState.PICKED_UP), release=True)
    await office.store.commit(Unit(changes=(picked_up,)))
    office.see(SENDER, NO_TLS)
    await office.work(notice)
    assert await office.state(message.id) is EntryState.PICKED_UP
    assert office.own(MessageKind.DSN) == []


async def test_a_notice_without_a_pin_brings_nothing_back(office: Office) -> None:
    """It asks for a code, which the recipient can have mailed."""
    office.see(SENDER, NO_TLS)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    for notice in office.own(MessageKind.SENDER_NOTICE):
        await office.work(notice)
    assert await office.state(message.id) is EntryState.PORTAL
