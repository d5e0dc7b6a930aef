"""What becomes of mail when our own code fails on it: it waits, its sender hears of it, and it ends in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from gateway.audit import events
from gateway.delivery.job import SendJob
from gateway.delivery.outcome import Outcome
from gateway.message.entry import EntryState, MessageKind
from gateway.message.event import Event
from gateway.message.queue_id import new_queue_id
from tests.gateway.delivery.office import DAY, FakeTransport, Office, make_entry, told, words


@dataclass
class BrokenTransport(FakeTransport):
    """Has a bug."""

    async def send(self, job: SendJob) -> Sequence[Outcome]:
        raise ValueError("an address holds what no path may hold")


async def test_a_bug_defers(office: Office) -> None:
    """Invariant 3: an attempt that fails by a bug is an attempt; it is counted, recorded, and tried again later."""
    message = await Office(office.store, transport=BrokenTransport()).send(make_entry(new_queue_id()))
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.attempts, entry.last_reply) == (EntryState.QUEUED, 1, "451 4.3.0 Local error")
    assert entry.next_attempt_at > datetime.now(UTC)
    assert await office.kinds(message.id) == ["delivery.attempted", "delivery.deferred"]


async def test_a_bug_that_stays_ends_at_the_expiry(office: Office) -> None:
    """Invariant 3: silence endangers patients; the sender gets the message back, whatever our code does."""
    broken = Office(office.store, transport=BrokenTransport())
    message = await broken.send(make_entry(new_queue_id(), expires_at=datetime.now(UTC) - DAY))
    assert await office.state(message.id) is EntryState.EXPIRED
    (dsn,) = broken.own(MessageKind.DSN)
    assert [action for _, action, _ in told(dsn)] == ["failed"]


async def test_an_outcome_that_cannot_be_recorded_is_no_reason_to_send_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OB-03, QD-19: the peer has it; each further attempt would be one more copy, so a person has to look."""

    def broken(*_args: object, **_facts: object) -> Event:
        raise ValueError("an event that cannot be written")

    monkeypatch.setattr(events, "delivery_delivered", broken)
    message = await office.send(make_entry(new_queue_id()))
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.possible_duplicate, len(office.transport.jobs)) == (EntryState.HELD, True, 1)
    assert await office.kinds(message.id) == ["message.held"]
    (notice,) = office.own(MessageKind.SENDER_NOTICE)
    assert "may have arrived" in words(notice)
    assert "has not been sent" not in words(notice)
