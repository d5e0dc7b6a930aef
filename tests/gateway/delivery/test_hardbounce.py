"""What feeds the suppression list: a server's own word that there is no such mailbox, and nothing less."""

from datetime import UTC, datetime

import pytest

from gateway.delivery.hardbounce import hard_status
from gateway.delivery.outcome import Outcome, Seen
from gateway.message.entry import EntryState, MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.store import suppressions
from gateway.store.suppressions import Reason
from tests.gateway.delivery.office import RECIPIENT, REJECTED, SENDER, Office, Saw, make_entry

FULL = Saw(Seen.REJECTED, "552 5.2.2 mailbox full")


async def listed(office: Office) -> list[str]:
    async with office.store.read() as conn:
        return [one.address for one in await suppressions.everything(conn)]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 no such user", "5.1.1"), ("550 5.1.10 null MX", "5.1.10"), ("550 5.2.1 disabled", "5.2.1"),
        ("552 5.2.2 full", ""), ("550 5.7.1 spam", ""), ("550 no such user", ""), ("554 5.0.0 no", ""),
    ],
)  # fmt: skip
def test_only_these_statuses_count(reply: str, status: str) -> None:
    """RFC 3463: others are about the message, or pass."""
    outcome = Outcome(
        recipient="a@b.example", seen=Seen.REJECTED, reply=reply, why="", started_at=datetime.now(UTC), host="mx"
    )
    assert hard_status(outcome) == status


def test_our_own_word_does_not_count() -> None:
    """A resolver that is wrong would empty everybody's lists."""
    outcome = Outcome(
        recipient="a@b.example", seen=Seen.REJECTED, reply="550 5.1.2 no such domain", why="",
        started_at=datetime.now(UTC),
    )  # fmt: skip
    assert hard_status(outcome) == ""


async def test_a_hard_bounce_puts_the_address_on_the_list(office: Office) -> None:
    """In the transaction of its ending, with an event; the sender of this message is told at once, whatever it was."""
    office.see(RECIPIENT, REJECTED)
    message = await office.send(make_entry(new_queue_id()))
    async with office.store.read() as conn:
        (found,) = await suppressions.everything(conn)
    assert (found.address, found.reason, found.status, found.queue_id) == (
        RECIPIENT, Reason.BOUNCE, "5.1.1", message.id,
    )  # fmt: skip
    (event,) = await office.events("suppression.added")
    assert (event.recipient, event.data["about"], event.data["status"]) == (RECIPIENT, message.id, "5.1.1")
    assert [one.entries[0].recipient for one in office.own(MessageKind.DSN)] == [SENDER]
    assert office.metrics.registry.get_sample_value("mailward_suppressions_total") == 1


async def test_it_is_put_there_once(office: Office) -> None:
    office.see(RECIPIENT, REJECTED)
    for _ in range(2):
        await office.send(make_entry(new_queue_id()))
    assert len(await office.events("suppression.added")) == 1
    assert len(office.own(MessageKind.DSN)) == 2


async def test_a_full_mailbox_is_no_reason(office: Office) -> None:
    office.see(RECIPIENT, FULL)
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.BOUNCED
    assert await listed(office) == []


async def test_our_own_people_are_never_put_there(office: Office) -> None:
    """A bounce that bounces says nothing about whom the clinic wants to reach."""
    office.see(SENDER, REJECTED)
    await office.send(make_entry(new_queue_id(), kind=MessageKind.DSN, sender="", recipient=SENDER))
    assert await listed(office) == []
