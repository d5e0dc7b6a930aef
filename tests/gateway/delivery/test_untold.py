"""A sender of ours who cannot be told what became of his mail is an incident: event, metric and log."""

import io
from collections.abc import Iterator

import pytest
import structlog

from gateway import log
from gateway.delivery.letter import letter_of, make_batches
from gateway.message.entry import EntryState, MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.store.errors import MissingRow
from gateway.store.rows import NewMessage, save_entry
from gateway.store.statements import Unit
from tests.gateway.delivery.office import DEFERRED, RECIPIENT, REJECTED, SENDER, Office, make_entry


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    structlog.reset_defaults()


async def bounced(office: Office) -> tuple[NewMessage, NewMessage]:
    """A message that came back, and the status notice about it."""
    office.see(RECIPIENT, REJECTED)
    message = await office.send(make_entry(new_queue_id()))
    (dsn,) = office.own(MessageKind.DSN)
    return message, dsn


def alarms(office: Office) -> float:
    value = office.metrics.registry.get_sample_value("mailward_senders_untold_total", {"kind": "dsn"})
    return value or 0.0


async def test_an_undeliverable_dsn_raises_an_incident(office: Office, written: io.StringIO) -> None:
    """OB-11: no notice answers a notice, so nobody but an operator hears of it."""
    message, dsn = await bounced(office)
    office.see(SENDER, REJECTED)
    await office.work(dsn)
    assert await office.state(dsn.id) is EntryState.BOUNCED
    (event,) = await office.events("incident.untold")
    assert (event.queue_id, event.recipient, event.data["about"]) == (dsn.id, SENDER, message.id)
    assert event.data["what"] == "dsn"
    assert alarms(office) == 1
    (line,) = [line for line in written.getvalue().splitlines() if "sender could not be told" in line]
    assert "[error]" in line
    assert f"about={message.id}" in line
    assert len(office.own(MessageKind.DSN)) == 1, "nothing answers the null reverse path (RFC 5321 4.5.5)"


async def test_a_dsn_that_waits_is_none(office: Office) -> None:
    _, dsn = await bounced(office)
    office.see(SENDER, DEFERRED)
    await office.work(dsn)
    assert await office.events("incident.untold") == []
    assert alarms(office) == 0


async def test_there_is_no_alarm_before_the_ending_is_durable(office: Office) -> None:
    """Invariant 3: a record that cannot be written raises none; the entry had its ending already."""
    _, dsn = await bounced(office)
    (entry,) = await office.entries(dsn.id)
    ended = make_entry(dsn.id, kind=MessageKind.DSN, sender="", recipient=SENDER, state=EntryState.DELIVERED)
    office.see(SENDER, REJECTED)
    await office.store.commit(Unit(changes=(save_entry(ended, release=True),)))
    assert entry.state is EntryState.QUEUED
    with pytest.raises(MissingRow):
        await office.clerk(make_batches(letter_of(dsn), (entry,), most=1)[0])
    assert alarms(office) == 0
