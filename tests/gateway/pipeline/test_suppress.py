"""The suppression list stops mail for many, and never clinical mail (invariant 3: silence endangers patients)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.message.entry import EntryState, MessageKind
from gateway.pipeline.suppress import stopped_purpose
from gateway.store import queue, suppressions
from gateway.store.errors import ContentGone
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression
from policy.phi.report import Report
from tests.gateway.pipeline.counter import CLEAN, PHI, SENDER, Counter, envelope, letter

GONE = "Gone@b.example"
OTHER = "kim@b.example"
BULK = replace(CLEAN, bulk=True)


@pytest.fixture(autouse=True)
async def listed(store: Store) -> None:
    for address, reason in (("gone@b.example", Reason.BOUNCE), ("no@b.example", Reason.COMMAND)):
        new = Suppression(address=address, reason=reason, created_at=datetime.now(UTC))
        await suppressions.add(store, new, events=())


def mail(purpose: str = "") -> bytes:
    return letter(*([f"X-Mailward-Purpose: {purpose}".encode()] if purpose else []))


async def send(store: Store, purpose: str, report: Report, *, believed: bool = True) -> tuple[Counter, str]:
    counter = Counter(store, report)
    sent = envelope(GONE, OTHER)
    sent = replace(sent, client=replace(sent.client, believes_headers=believed))
    answer = await counter.pipeline.submit(sent, mail(purpose))
    return counter, getattr(answer, "queue_id", "")


@pytest.mark.parametrize(
    ("purpose", "report"),
    [("marketing", CLEAN), ("Fundraising", CLEAN), ("marketing", PHI), ("marketing", BULK), ("", BULK)],
)
async def test_mail_for_many_is_stopped(store: Store, purpose: str, report: Report) -> None:
    """For who is on the list, and nobody else; the sender is told, so that he can clean his own list."""
    counter, queue_id = await send(store, purpose, report)
    assert await counter.states(queue_id) == [EntryState.BOUNCED, EntryState.QUEUED]
    (event,) = await counter.events("message.suppressed")
    assert (event.recipient, event.data["purpose"], event.data["reason"]) == (GONE, purpose.lower() or "bulk", "bounce")
    (dsn,) = await counter.own(MessageKind.DSN)
    assert dsn.recipient == SENDER
    body = await counter.kept(dsn.queue_id)
    assert b"5.1.1" in body
    assert OTHER.encode() not in body
    assert [one.data["action"] for one in await counter.events("dsn.created")] == ["failed"]
    value = counter.metrics.registry.get_sample_value(
        "mailward_suppressed_recipients_total", {"purpose": purpose.lower() or "bulk"}
    )
    assert value == 1


@pytest.mark.parametrize(
    ("purpose", "report"),
    [("", CLEAN), ("", PHI), ("treatment", CLEAN), ("treatment", BULK), ("", replace(PHI, bulk=True)), ("odd", BULK)],
)
async def test_clinical_mail_never_is(store: Store, purpose: str, report: Report) -> None:
    """Not by marks of bulk mail either, which every EHR's reminders have; the address may be right again."""
    counter, queue_id = await send(store, purpose, report)
    assert await counter.states(queue_id) == [EntryState.QUEUED, EntryState.QUEUED]
    assert await counter.events("message.suppressed") == []


async def test_nobody_stops_mail_by_a_header_that_is_not_believed(store: Store) -> None:
    """ID-08: what a client writes counts only where the operator says so."""
    counter, queue_id = await send(store, "marketing", CLEAN, believed=False)
    assert await counter.states(queue_id) == [EntryState.QUEUED, EntryState.QUEUED]


async def test_a_message_that_nobody_gets_is_not_kept(store: Store) -> None:
    """Every recipient has an ending with its acceptance, so the content is gone with it."""
    counter = Counter(store, BULK)
    queue_id = await counter.accept(letter(), GONE, "no@b.example")
    assert await counter.states(queue_id) == [EntryState.BOUNCED, EntryState.BOUNCED]
    with pytest.raises(ContentGone):
        await queue.load_body(store, queue_id)
    replies = [entry.last_reply[:9] for entry in await counter.entries(queue_id)]
    assert replies == ["550 5.1.1", "550 5.7.1"]


async def test_no_notice_for_who_wants_none(store: Store) -> None:
    """The null reverse path is never answered (RFC 5321 section 4.5.5)."""
    counter = Counter(store, BULK)
    await counter.accept(letter(), GONE, sender="")
    assert await counter.own(MessageKind.DSN) == []


@pytest.mark.parametrize(
    ("said", "is_bulk", "is_protected", "found"),
    [
        ("marketing", False, True, "marketing"), ("fundraising", True, False, "fundraising"),
        ("treatment", True, False, ""), ("", True, False, "bulk"), ("", True, True, ""), ("", False, False, ""),
    ],
)  # fmt: skip
def test_what_counts_as_mail_for_many(said: str, is_bulk: bool, is_protected: bool, found: str) -> None:
    assert stopped_purpose(said=said, is_bulk=is_bulk, is_protected=is_protected) == found
