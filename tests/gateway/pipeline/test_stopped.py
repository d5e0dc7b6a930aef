"""One refused recipient of several: the others get the message, and its sender is told in general words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.control import reports
from gateway.control.office import Office
from gateway.message.entry import EntryState, MessageKind
from gateway.message.envelope import Notify, Recipient
from gateway.message.verdict import Accepted, Verdict
from gateway.store import decisions, suppressions
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression
from policy.decision import Action
from policy.record import Cause
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.pipeline.counter import CLEAN, PHI, SENDER, Counter, envelope, letter
from tests.gateway.pipeline.test_rules import PRIVACY, rule, ruled

GOOD, BAD = "a@b.example", "c@d.example"
NO_D = rule('recipient.domain == "d.example"', "reject", name="secret-project")


async def test_the_others_get_it_and_the_sender_is_told(store: Store) -> None:
    """Issue 6, line 7: a DSN with 5.7.1 and neither the rule nor the other recipient, and the trace of both."""
    counter = Counter(store, PHI, settings=ruled(NO_D))
    queue_id = await counter.accept(letter(b"Subject: Marker"), GOOD, BAD)
    went, refused = await counter.entries(queue_id)
    assert (went.state, refused.state) == (EntryState.QUEUED, EntryState.REJECTED)
    assert (went.protected, refused.methods) == (True, ())
    (dsn,) = await counter.own(MessageKind.DSN)
    assert dsn.recipient == SENDER
    body = await counter.kept(dsn.queue_id)
    assert b"Action: failed\r\nStatus: 5.7.1" in body
    assert BAD.encode() in body
    for secret in (GOOD.encode(), b"secret-project", b"Marker"):
        assert secret not in body
    (event,) = await counter.events("message.refused")
    assert (event.queue_id, event.recipient, event.data["rules"]) == (queue_id, BAD, ["secret-project"])
    assert [one.data["action"] for one in await counter.events("dsn.created")] == ["failed"]
    traces = {one.recipient: str(one.data["trace"]) for one in await counter.events("message.decided")}
    assert "It is refused." in traces[BAD]
    assert "It is refused." not in traces[GOOD]
    assert counter.scheduler.in_hand == 2, "the copy and the notice, and nothing for who is refused"


async def test_no_breach_report_counts_who_got_nothing(store: Store) -> None:
    """What a login sent is looked at when its password was stolen; a refused copy never got out."""
    counter = Counter(store, PHI, settings=ruled(NO_D))
    await counter.accept(letter(), GOOD, BAD)
    found = await reports.sent(Office(store, counter.settings), login=SENDER, since="2020-01-01T00:00:00Z")
    assert [one["recipient"] for one in found["recipients"]] == [GOOD]


async def test_the_record_has_both_decisions(store: Store) -> None:
    """Item 13: one record of the message as it was received, which `explain ID` shows."""
    counter = Counter(store, PHI, settings=ruled(NO_D))
    queue_id = await counter.accept(letter(), GOOD, BAD)
    async with store.read() as conn:
        (stored,) = await decisions.of_message(conn, store.vault, queue_id)
    assert stored.cause is Cause.RECEIVED
    assert [one.action for one in stored.kept.decisions] == [Action.PROTECT, Action.REJECT]


@pytest.mark.parametrize(
    ("notify", "told"),
    [(frozenset({Notify.NEVER}), 0), (frozenset({Notify.SUCCESS}), 0), (frozenset({Notify.FAILURE}), 1)],
)
async def test_a_sender_who_wants_no_notice_gets_none(store: Store, notify: frozenset[Notify], told: int) -> None:
    """RFC 3461 section 4.1; the record is made all the same."""
    counter = Counter(store, CLEAN, settings=ruled(NO_D))
    sent = replace(envelope(GOOD), recipients=(Recipient(address=GOOD), Recipient(address=BAD, notify=notify)))
    assert isinstance(await counter.pipeline.submit(sent, letter()), Accepted)
    assert len(await counter.own(MessageKind.DSN)) == told
    assert len(await counter.events("message.refused")) == 1


async def test_without_a_sender_to_tell_the_reply_tells(store: Store) -> None:
    """RFC 5321 section 4.5.5: the null reverse path is never answered, so nobody would learn of it."""
    counter = Counter(store, CLEAN, settings=ruled(NO_D))
    assert await counter.submit(letter(), GOOD, BAD, sender="") is Verdict.REJECTED_BY_POLICY
    assert await counter.everything() == ()


async def test_a_hold_of_the_message_lets_no_refused_copy_back(store: Store) -> None:
    """A release is for what was held: here a text that could not be put below, and nobody is asked about the other."""
    told = ruled(NO_D, rule("true", "allow", name="below", more='disclaimer = "Confidential."'))
    counter = Counter(store, CLEAN, settings=told)  # it has nobody who changes bodies
    queue_id = await counter.accept(letter(), GOOD, BAD)
    assert await counter.states(queue_id) == [EntryState.HELD, EntryState.REJECTED]
    (held,) = await counter.own(MessageKind.SENDER_NOTICE)
    assert BAD.encode() not in await counter.kept(held.queue_id)


async def test_a_refused_recipient_on_the_suppression_list_is_told_once(store: Store) -> None:
    """The rule counts, for it holds whatever the list says later; the other is stopped by the list."""
    for address in (BAD, GOOD):
        new = Suppression(address=address, reason=Reason.BOUNCE, created_at=datetime.now(UTC))
        await suppressions.add(store, new, events=())
    counter = Counter(store, replace(CLEAN, bulk=True), settings=ruled(NO_D))
    queue_id = await counter.accept(letter(), BAD, GOOD)
    assert [entry.last_reply[:9] for entry in await counter.entries(queue_id)] == ["550 5.7.1", "550 5.1.1"]
    assert len(await counter.own(MessageKind.DSN)) == 1
    assert [len(await counter.events(f"message.{kind}")) for kind in ("refused", "suppressed")] == [1, 1]


async def test_who_watches_a_rule_hears_what_became_of_whom(store: Store) -> None:
    """The refusal to who watches that rule; that the other copy went to who watches the other."""
    other = "other@clinic.example"
    told = ruled(
        rule('recipient.domain == "d.example"', "reject", name="no", more=f'notify = ["{PRIVACY}"]'),
        rule('recipient.domain == "b.example"', "protect", name="yes", more=f'notify = ["{other}"]'),
    )
    counter = Counter(store, CLEAN, settings=told)
    await counter.accept(letter(), GOOD, BAD)
    said = {
        one.recipient: (await counter.kept(one.queue_id)).replace(b"\r\n", b" ")
        for one in await counter.own(MessageKind.SENDER_NOTICE)
    }
    assert b"It was refused" in said[PRIVACY]
    assert b"It goes its way" in said[other]


async def test_nothing_of_it_is_there_when_it_cannot_be_written_down(store: Store) -> None:
    """Invariant 2: acceptance, refusal and notice are one transaction, and the client still has the message."""
    counter = Counter(store, CLEAN, settings=ruled(NO_D))
    disk = BadDisk(store)
    await disk.break_()
    assert await counter.submit(letter(), GOOD, BAD) is Verdict.STORE_SICK
    assert counter.scheduler.in_hand == 0
