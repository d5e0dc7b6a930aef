"""Held by a rule: a person lets it go or refuses it, and every other rule of today still counts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.config import Settings
from gateway.control import queue as control
from gateway.control.asker import Asker
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState
from gateway.store.decisions import Stored, of_message
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, SENDER, Counter, letter
from tests.gateway.pipeline.test_rules import rule, ruled

HOLD = rule("true", "hold", name="hold-all")


async def held(store: Store, *recipients: str) -> tuple[Counter, str]:
    counter = Counter(store, CLEAN, settings=ruled(HOLD))
    queue_id = await counter.accept(letter(b"To: x@b.example, y@b.example"), *recipients)
    assert set(await counter.states(queue_id)) == {EntryState.HELD}
    return counter, queue_id


async def release(store: Store, queue_id: str, told: Settings) -> int:
    return await control.release(Office(store, told), queue_id=queue_id, reason="looked at")


async def test_a_person_lets_it_go(store: Store) -> None:
    """The rule that holds it has had its say; the record names it."""
    counter, queue_id = await held(store)
    (row,) = [one for one in await control.listing(Office(store, ruled(HOLD))) if one["queue_id"] == queue_id]
    assert row["delay_reason"] == "rule hold-all"
    assert await release(store, queue_id, ruled(HOLD)) == 1
    (entry,) = await counter.entries(queue_id)
    assert (entry.state, entry.protected, entry.methods) == (EntryState.QUEUED, False, (Method.TLS,))


@pytest.mark.parametrize(
    ("when", "holds"),
    [("recipients.count == 2 and recipients.visible == 2", True), (f'login == "{SENDER}"', True), ("phi", False)],
)
async def test_other_rules_count_at_the_release(store: Store, when: str, holds: bool) -> None:
    """OB-12: protected from then on, with the ladder of the rule; facts are those of the whole message."""
    counter, queue_id = await held(store, "a@b.example", "c@d.example")
    told = ruled(HOLD, rule(when, "portal-only", name="portal"))
    assert await control.release(Office(store, told), queue_id=queue_id, reason="x", to="a@b.example") == 1
    first, second = await counter.entries(queue_id)
    assert second.state is EntryState.HELD
    assert (first.protected, first.methods) == ((True, (Method.PORTAL,)) if holds else (False, (Method.TLS,)))


async def test_a_rule_that_refuses_keeps_it_held(store: Store) -> None:
    """With the sentences of the decision, so that whoever releases sees the rule."""
    counter, queue_id = await held(store)
    with pytest.raises(Refused, match='Rule "never" asks for reject'):
        await release(store, queue_id, ruled(HOLD, rule("true", "reject", name="never")))
    assert await counter.states(queue_id) == [EntryState.HELD]


async def test_protection_that_was_decided_stays(store: Store) -> None:
    """OB-12: the configuration is looser by now, and the message is not."""
    counter = Counter(store, CLEAN, settings=ruled(HOLD, rule("true", "protect", name="protect")))
    queue_id = await counter.accept(letter())
    assert await release(store, queue_id, ruled(HOLD)) == 1
    (entry,) = await counter.entries(queue_id)
    assert entry.protected


async def test_refused_by_a_person(store: Store) -> None:
    counter, queue_id = await held(store)
    assert await control.reject(Office(store, ruled(HOLD)), queue_id=queue_id, reason="no") == 1
    assert await counter.states(queue_id) == [EntryState.REJECTED]


async def test_taking_a_brake_off_is_no_look_at_what_a_rule_holds(store: Store) -> None:
    """The brake held both recipients of a message; the one that a rule holds as well stays."""
    brake = "[brake]\nmessages_per_hour = 1\n"
    told = settings(brake + rule('recipient == "secret@b.example"', "hold"))
    counter = Counter(store, CLEAN, settings=told)
    await counter.accept(letter(), "first@b.example")
    queue_id = await counter.accept(letter(), "plain@b.example", "secret@b.example")
    counted = await control.release_login(Office(store, told), login=SENDER, reason="mail merge")
    assert counted == {"released": 1, "held": 0}
    assert await counter.states(queue_id) == [EntryState.QUEUED, EntryState.HELD]


TWO = rule("true", "hold", name="two", more="approvers = 2")


async def approve(store: Store, queue_id: str, by: str) -> int:
    return await control.release(Office(store, ruled(TWO)), queue_id=queue_id, reason="looked at", by=by)


async def test_two_persons_release_it(store: Store) -> None:
    """The first is recorded, the same again counts once, and a second person lets it go."""
    counter = Counter(store, CLEAN, settings=ruled(TWO))
    queue_id = await counter.accept(letter())
    for by in ("anna", "Anna ", "anna"):
        with pytest.raises(Refused, match="a second person must, too"):
            await approve(store, queue_id, by)
    assert await counter.states(queue_id) == [EntryState.HELD]
    assert await approve(store, queue_id, "berta") == 1
    assert await counter.states(queue_id) == [EntryState.QUEUED]
    assert [one.data["by"] for one in await counter.events("message.approved")] == ["anna", "berta"]
    (released,) = await counter.events("message.released")
    assert released.data["by"] == "berta"


ALICE, BOB = Asker("alice", is_shared=False), Asker("bob", is_shared=False)
ROOT = Asker("root")


async def say(store: Store, queue_id: str, by: str, asker: Asker, told: Settings) -> int:
    return await control.release(Office(store, told, asker=asker), queue_id=queue_id, reason="looked at", by=by)


@pytest.mark.parametrize(("asker", "by_name"), [(ALICE, False), (ALICE, True)])
async def test_one_login_is_one_person(store: Store, asker: Asker, by_name: bool) -> None:
    """The attack: a second name from the same desk. The kernel knows better, and the record has both."""
    told = settings(f"[policy]\napprovers_by_name = {str(by_name).lower()}\n{TWO}")
    counter = Counter(store, CLEAN, settings=told)
    queue_id = await counter.accept(letter())
    with pytest.raises(Refused, match="a second person must, too"):
        await say(store, queue_id, "anna", asker, told)
    with pytest.raises(Refused, match=f"{asker.login} has done so under another name"):
        await say(store, queue_id, "berta", asker, told)
    assert await counter.states(queue_id) == [EntryState.HELD]
    assert await say(store, queue_id, "berta", BOB, told) == 1
    said = [(one.data["by"], one.data["system_login"]) for one in await counter.events("message.approved")]
    assert said == [("anna", asker.login), ("berta", "bob")]
    (released,) = await counter.events("message.released")
    assert released.data["system_login"] == "bob"


@pytest.mark.parametrize("first", [ALICE, ROOT, Asker("mailward")])
async def test_an_account_that_people_share_is_nobody(store: Store, first: Asker) -> None:
    """The attack: one person, once as root and once as the gateway's user. The first hears at once what to do."""
    counter = Counter(store, CLEAN, settings=ruled(TWO))
    queue_id = await counter.accept(letter())
    with pytest.raises(Refused):
        await say(store, queue_id, "anna", first, ruled(TWO))
    with pytest.raises(Refused, match=r"root is an account that people share.*approvers_by_name"):
        await say(store, queue_id, "berta", ROOT, ruled(TWO))
    assert await counter.states(queue_id) == [EntryState.HELD]
    assert len(await counter.events("message.approved")) == (first is ALICE)


async def test_where_nobody_can_tell_names_may_count(store: Store) -> None:
    """A container has one account for all; its operator says that names are enough."""
    told = settings(f"[policy]\napprovers_by_name = true\n{TWO}")
    counter = Counter(store, CLEAN, settings=told)
    queue_id = await counter.accept(letter())
    with pytest.raises(Refused, match="a second person must, too"):
        await say(store, queue_id, "anna", ROOT, told)
    assert await say(store, queue_id, "berta", ROOT, told) == 1


async def test_two_words_are_for_one_hold(store: Store) -> None:
    """What is held again, by whatever came to light since, needs two persons again."""
    counter = Counter(store, CLEAN, settings=ruled(TWO))
    queue_id = await counter.accept(letter())
    with pytest.raises(Refused, match="a second person must, too"):
        await approve(store, queue_id, "anna")
    assert await approve(store, queue_id, "berta") == 1
    (entry,) = await counter.entries(queue_id)
    await store.commit(Unit(changes=(save_entry(replace(entry, state=EntryState.HELD), release=True),)))
    with pytest.raises(Refused, match="a second person must, too"):
        await approve(store, queue_id, "anna")
    assert await counter.states(queue_id) == [EntryState.HELD]


async def test_a_copy_for_an_archive_stays_one(store: Store) -> None:
    """Released, it takes a protected way of its own ladder, and counts as nobody in the facts."""
    rules = ruled(rule("recipients.count == 1", "hold", name="one", more='journal = "keep@archive.example"'))
    counter = Counter(store, CLEAN, settings=rules)
    queue_id = await counter.accept(letter())
    assert await counter.states(queue_id) == [EntryState.HELD, EntryState.HELD]
    assert await control.release(Office(store, rules), queue_id=queue_id, reason="looked at") == 2
    copy = next(one for one in await counter.entries(queue_id) if one.recipient == "keep@archive.example")
    assert copy.protected
    assert copy.methods != (Method.TLS,)
    records = await decisions_of(store, queue_id)
    assert [to.address for to in records[-1].kept.thin.recipients if to.is_archive] == ["keep@archive.example"]


async def decisions_of(store: Store, queue_id: str) -> Sequence[Stored]:
    async with store.read() as conn:
        return await of_message(conn, store.vault, queue_id)


@pytest.mark.parametrize("by", [SENDER, SENDER.upper(), "", "command line"])
async def test_who_is_neither_of_two(store: Store, by: str) -> None:
    """Nobody by name is nobody, and who sent it does not look at it with other eyes."""
    counter = Counter(store, CLEAN, settings=ruled(TWO))
    queue_id = await counter.accept(letter())
    with pytest.raises(Refused, match="two persons must let it go"):
        await approve(store, queue_id, by)
    with pytest.raises(Refused, match="a second person"):
        await approve(store, queue_id, "anna")
    with pytest.raises(Refused, match="two persons must let it go"):
        await approve(store, queue_id, by)
    assert await counter.states(queue_id) == [EntryState.HELD]


async def test_one_rule_that_asks_for_two_is_enough(store: Store) -> None:
    """Strictest wins, in any order; and many at once need two as well."""
    for rules in ((TWO, HOLD), (HOLD, TWO)):
        counter = Counter(store, CLEAN, settings=ruled(*rules))
        queue_id = await counter.accept(letter())
        office = Office(store, ruled(*rules))
        assert await control.release_many(office, ids=[queue_id], reason="x", by="anna") == {"released": 0, "held": 1}
        assert await control.release_many(office, ids=[queue_id], reason="x", by="berta") == {"released": 1, "held": 0}
