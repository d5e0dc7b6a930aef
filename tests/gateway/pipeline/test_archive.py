"""A copy for the archive: as safe as any other recipient's, and never less than protected."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.control import changes
from gateway.control.office import Office
from gateway.message.entry import EntryState, MessageKind
from gateway.message.envelope import Notify
from gateway.store import consents, suppressions
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression
from policy.consent import Kind
from policy.decision import Method
from tests.gateway.pipeline.counter import CLEAN, PHI, SENDER, Counter, envelope, letter
from tests.gateway.pipeline.test_registers import consent
from tests.gateway.pipeline.test_rules import rule, ruled

ARCHIVE = "archive@keep.example"
JOURNAL = f'journal = "{ARCHIVE}"'


async def test_the_archive_gets_a_copy_that_is_protected(store: Store) -> None:
    """Even of a message that is not: the archive gathers everything."""
    counter = Counter(store, CLEAN, settings=ruled(rule("true", "allow", more=JOURNAL)))
    first, copy = await counter.entries(await counter.accept(letter()))
    assert (first.protected, first.methods) == (False, (Method.TLS,))
    assert (copy.recipient, copy.protected, copy.state) == (ARCHIVE, True, EntryState.QUEUED)
    assert (copy.methods, copy.notify) == ((Method.TLS, Method.PORTAL), frozenset({Notify.NEVER}))
    decided = await counter.events("message.decided")
    assert "It is a copy for an archive" in str(decided[-1].data["trace"])
    assert "It is a copy for an archive" not in str(decided[0].data["trace"])


async def test_no_choice_of_plain_mail_reaches_the_archive(store: Store) -> None:
    """Invariant 1: a patient chose plain mail for their own mailbox; the copy is not in that choice."""
    now = envelope().received_at
    chosen = consent("pat@b.example", Kind.UNENCRYPTED, given_at=now - timedelta(days=1))
    archived = consent(ARCHIVE, Kind.UNENCRYPTED, id="C2", given_at=now - timedelta(days=1))
    await consents.add(store, [chosen, archived], events=())
    counter = Counter(store, PHI, settings=ruled(rule("true", "allow", more=JOURNAL)))
    made = envelope("pat@b.example")
    believed = replace(made, client=replace(made.client, believes_headers=True))
    answer = await counter.pipeline.submit(believed, letter(b"X-Mailward-Purpose: access"))
    first, copy = await counter.entries(answer.queue_id)  # type: ignore[union-attr]
    assert (first.protected, copy.protected) == (False, True)


@pytest.mark.parametrize("who", [ARCHIVE, ARCHIVE.upper()])
async def test_who_gets_it_anyway_gets_no_second_copy(store: Store, who: str) -> None:
    counter = Counter(store, CLEAN, settings=ruled(rule("true", "allow", more=JOURNAL)))
    assert len(await counter.entries(await counter.accept(letter(), who))) == 1


async def test_two_rules_name_one_archive(store: Store) -> None:
    told = ruled(rule("true", "allow", name="a", more=JOURNAL), rule("true", "protect", name="b", more=JOURNAL))
    counter = Counter(store, CLEAN, settings=told)
    assert [one.recipient for one in await counter.entries(await counter.accept(letter()))][1:] == [ARCHIVE]


async def test_a_rule_for_the_archive_alone_holds_its_copy_alone(store: Store) -> None:
    """The copy waits, the letter goes; the sender is told nothing of a copy. What would refuse it holds it."""
    for action in ("hold", "reject"):
        told = ruled(
            rule("true", "allow", name="all", more=JOURNAL),
            rule('recipient.domain == "keep.example"', action, name="one"),
        )
        counter = Counter(store, CLEAN, settings=told)
        assert await counter.states(await counter.accept(letter())) == [EntryState.QUEUED, EntryState.HELD]
        assert not await counter.own(MessageKind.SENDER_NOTICE)


async def test_facts_do_not_count_the_archive(store: Store) -> None:
    """A rule about many recipients is about those that the sender named."""
    told = ruled(rule("true", "allow", name="all", more=JOURNAL), rule("recipients.count > 1", "hold", name="many"))
    counter = Counter(store, CLEAN, settings=told)
    assert await counter.states(await counter.accept(letter())) == [EntryState.QUEUED, EntryState.QUEUED]


async def test_a_suppressed_archive_keeps_its_copy(store: Store) -> None:
    """It receives no bulk mail; it keeps what was sent. Nobody would be told that the copy is gone."""
    await suppressions.add(
        store, Suppression(address=ARCHIVE, reason=Reason.BOUNCE, created_at=envelope().received_at), events=()
    )
    counter = Counter(store, replace(CLEAN, bulk=True), settings=ruled(rule("true", "allow", more=JOURNAL)))
    queue_id = await counter.accept(letter())
    assert await counter.states(queue_id) == [EntryState.QUEUED, EntryState.QUEUED]
    to_it = await counter.accept(letter(), ARCHIVE)
    assert await counter.states(to_it) == [EntryState.BOUNCED]


async def test_an_operator_who_holds_it_tells_its_sender_of_no_archive(store: Store) -> None:
    told = ruled(rule("true", "allow", more=JOURNAL))
    counter = Counter(store, CLEAN, settings=told)
    entries = await counter.entries(await counter.accept(letter()))
    assert [entry.archive for entry in entries] == [False, True]
    await store.commit(Unit(changes=tuple(save_entry(entry, release=True) for entry in entries)))  # nobody delivers it
    done = await changes.hold(Office(store, told), ids=[entry.id for entry in entries], why="look at it")
    assert done["done"] == 2
    (notice,) = await counter.own(MessageKind.SENDER_NOTICE)
    words = await counter.kept(notice.queue_id)
    assert b"pat@b.example" in words
    assert b"keep.example" not in words


async def test_a_rule_that_does_not_apply_copies_nothing(store: Store) -> None:
    told = ruled(rule("phi", "allow", more=JOURNAL))
    counter = Counter(store, CLEAN, settings=told)
    assert len(await counter.entries(await counter.accept(letter()))) == 1
    excepted = ruled(rule("true", "allow", more=f"{JOURNAL}\nunless = 'sender == \"{SENDER}\"'"))
    other = Counter(store, CLEAN, settings=excepted)
    assert len(await other.entries(await other.accept(letter()))) == 1
