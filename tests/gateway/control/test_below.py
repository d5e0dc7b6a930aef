"""What a release may not forget: what mail was for, whose consent it names, who wants none of it by now."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from gateway.control import queue as control
from gateway.control.asker import Asker
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState, QueueEntry
from gateway.pipeline import edits
from gateway.pipeline.edits import BodyEdits
from gateway.pipeline.footers import Shop
from gateway.pipeline.recheck import Recheck
from gateway.store import consents, organisations
from gateway.store.consents import patient_key
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.consent import Kind
from policy.edits import edits_of, is_told, marks_of
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, PHI, SENDER, Counter, Here, letter
from tests.gateway.pipeline.test_edits import PDF, SELLS, Desk
from tests.gateway.pipeline.test_registers import DAY, DOC, NOW, PAT, associate, consent, send
from tests.gateway.pipeline.test_rules import rule
from tests.gateway.pipeline.test_sensitivity import Clinic, clinic, of, office

LOOK = rule("true", "hold", name="look")
LABEL = f"[[policy.label]]\nname = 'l'\nwhen = 'login == \"{SENDER}\"'\npurpose = 'marketing'\n"
OTHER = LABEL.replace("marketing", "operations")


async def held_again(store: Store, entry: QueueEntry) -> None:
    await store.commit(Unit(changes=(save_entry(replace(entry, state=EntryState.HELD), release=True),)))


async def revoke(store: Store, name: str) -> None:
    await consents.revoke(store, name, at=datetime.now(UTC), events_of=lambda _: ())


@pytest.mark.parametrize("later", ["", LABEL + OTHER.replace("'l'", "'m'")], ids=["gone", "two disagree"])
async def test_mail_stays_commercial_whatever_becomes_of_the_label(store: Store, later: str) -> None:
    """OB-12: reloaded between hold and release, no label says any more what it is for; it is what it was taken for."""
    desk = Desk(store, settings=settings(SELLS + LOOK + LABEL))
    entry, _ = await desk.sent(PDF, body=b"JVBERi0xLjQK\r\n")
    assert entry.state is EntryState.HELD
    ask = {"queue_id": entry.queue_id, "reason": "seen", "by": "anna"}
    after = Office(store, settings(SELLS + LOOK + later), changer=desk.here)
    with pytest.raises(Refused, match="postal address and a way to opt out"):
        await control.release(after, **ask)
    await consents.add(store, [consent(PAT, Kind.OPT_OUT)], events=())
    with pytest.raises(Refused, match="Opted out"):
        await control.release(after, **ask, shows="on the first page")
    assert await desk.states(entry.queue_id) == [EntryState.HELD]


async def test_a_label_that_says_another_purpose_now_counts(store: Store) -> None:
    """It was labelled wrongly, and who configures said so."""
    desk = Desk(store, settings=settings(SELLS + LOOK + LABEL))
    entry, _ = await desk.sent(PDF, body=b"JVBERi0xLjQK\r\n")
    after = Office(store, settings(SELLS + LOOK + OTHER), changer=desk.here)
    assert await control.release(after, queue_id=entry.queue_id, reason="no offer") == 1


async def test_who_opts_out_gets_nothing_that_waits_protected(store: Store) -> None:
    """15 U.S.C. 7704(a)(4): where everything is protected and no rule asks a register, as well."""
    told = settings('[policy]\ndefault = "protect-all"\n')
    entry = await send(Counter(store, CLEAN, settings=told, changer=Here()), PAT, b"X-Mailward-Purpose: marketing")
    assert (entry.state, entry.protected) == (EntryState.QUEUED, True)
    await consents.add(store, [consent(PAT, Kind.OPT_OUT)], events=())
    (one,) = (await Recheck(told, store)([entry], now=entry.queued_at + DAY)).changed
    assert "Opted out" in one.why


async def waits_on_consent(store: Store, *, narrow: bool) -> tuple[Clinic, QueueEntry]:
    """Mail that was taken on a consent for treatment and payment, which another took the place of since.

    narrow: the other is for treatment alone, and the first is revoked; else it is beside it and lasts longer.
    """
    counter = clinic(store, "part2")
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("part2"))
    assert entry.state is EntryState.QUEUED
    await counter.give(Kind.PART2, DOC, purposes=("treatment",) if narrow else ("operations", "payment", "treatment"))
    if narrow:
        await revoke(store, "part2")
    return counter, entry


@pytest.mark.parametrize("narrow", [True, False])
async def test_mail_claims_no_consent_that_another_took_the_place_of(store: Store, narrow: bool) -> None:
    """42 CFR 2.32(b): what is told below it is what a consent in force covers; one that came besides changes none."""
    counter, entry = await waits_on_consent(store, narrow=narrow)
    found = (await Recheck(counter.settings, store)([entry], now=entry.queued_at + DAY / 2)).changed
    assert ["consent" in one.why for one in found] == [True] * narrow
    await held_again(store, entry)
    was = await counter.body(entry)
    ask = {"queue_id": entry.queue_id, "reason": "seen", "by": "anna", "shows": "above"}
    if narrow:
        with pytest.raises(Refused, match="says below that it goes out on a consent"):
            await control.release(office(counter), **ask)
    else:
        assert await control.release(office(counter), **ask) == 1
    assert await counter.body(entry) == was


async def test_a_refusal_says_all_that_it_lacks(store: Store) -> None:
    """Who attests that it shows the one thing has not read the other."""
    counter = clinic(store, "part2", more=SELLS)
    entry = await counter.send(DOC, *of("part2", "marketing"))
    await counter.give(Kind.PART2, DOC, purposes=("marketing",))
    alone = Office(store, counter.settings)
    with pytest.raises(Refused, match=r"postal address and a way to opt out.*and it lacks what the patient's consent"):
        await control.release(alone, queue_id=entry.queue_id, reason="seen")


async def test_asking_for_all_again_is_no_look_at_what_is_refused_by_now(store: Store) -> None:
    """45 CFR 164.504(e): the agreement ended while it waited. An answer with a count told nobody, however often."""
    told = settings(f'[policy]\npacks = ["business-associates"]\n{LOOK}')
    await organisations.add(store, [associate()], renews=False, events=())
    counter = Counter(store, PHI, settings=told, changer=Here())
    entry = await send(counter, "a@billing.example", b"X-Mailward-Purpose: payment")
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    desk, queue_id = Office(store, told), entry.queue_id
    for _ in range(3):
        assert await control.release_many(desk, ids=[queue_id], reason="all") == {"released": 0, "held": 1}
    with pytest.raises(Refused, match=r"business-associates/ended.* holds it only now"):
        await control.release(desk, queue_id=queue_id, reason="x")
    assert await control.release(desk, queue_id=queue_id, reason="its last invoice") == 1


async def test_in_a_crash_it_is_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text below, state, record and event are one transaction; asked again, all of it is done once."""
    counter = clinic(store, "part2")
    entry = await counter.send(DOC, *of("part2"))
    await counter.give(Kind.PART2, DOC)
    was = await counter.kept(entry.queue_id)
    ask = {"queue_id": entry.queue_id, "reason": "consent came"}

    async def killed(unit: Unit) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(store, "settle", killed)
        with pytest.raises(InterruptedError):
            await control.release(office(counter), **ask)
    assert (await counter.states(entry.queue_id), await counter.kept(entry.queue_id)) == ([EntryState.HELD], was)
    assert await counter.events("message.released") == []
    assert await control.release(office(counter), **ask) == 1
    assert (await counter.body(entry)).count(b"It is disclosed") == 1


async def test_two_persons_both_answer_for_what_it_shows(store: Store) -> None:
    """What the first read in it is no word of the second, who lets it go."""
    told = settings(SELLS + rule("true", "hold", name="two", more="approvers = 2"))
    desk = Desk(store, settings=told)
    entry, _ = await desk.sent(b"X-Mailward-Purpose: marketing", PDF, body=b"JVBERi0xLjQK\r\n")
    anna, berta = (Office(store, told, changer=desk.here, asker=Asker(who, is_shared=False)) for who in ("an", "be"))
    ask = {"queue_id": entry.queue_id, "reason": "seen"}
    with pytest.raises(Refused, match="a second person must, too"):
        await control.release(anna, **ask, by="anna", shows="page 1")
    with pytest.raises(Refused, match="postal address"):
        await control.release(berta, **ask, by="berta")
    assert await control.release(berta, **ask, by="berta", shows="page 2") == 1
    approved = [one.data.get("shows") for one in await desk.events("message.approved")]
    (released,) = await desk.events("message.released")
    assert (approved, released.data["shows"]) == (["page 1", "page 2"], "page 2")


@pytest.mark.parametrize("word", ["authorized", "research"])
async def test_what_needed_an_authorization_still_does(store: Store, word: str) -> None:
    """45 CFR 164.508(a)(1): revoked while it waited, and the label that said so is gone."""
    start = f'[policy]\npacks = ["consent", "research"]\n{LOOK}'
    counter = Counter(store, PHI, settings=settings(start + LABEL.replace("marketing", word)), changer=Here())
    given = consent(
        patient_key(store.vault, "MRN-0042"), Kind.AUTHORIZATION, recipients=(DOC,), expires_at=NOW + 9 * DAY
    )
    await consents.add(store, [given], events=())
    entry = await send(counter, DOC, b"X-Mailward-Patient: MRN-0042")
    await revoke(store, "C1")
    with pytest.raises(Refused, match="holds it only now"):
        await control.release(Office(store, settings(start)), queue_id=entry.queue_id, reason="seen")


async def test_of_several_recipients_who_stays_is_not_known(store: Store) -> None:
    """Where one goes, the answer is a count as well: what keeps the other is said before it can be passed over."""
    told = settings(f'[policy]\npacks = ["business-associates"]\n{LOOK}')
    await organisations.add(store, [associate()], renews=False, events=())
    counter = Counter(store, PHI, settings=told, changer=Here())
    queue_id = await counter.accept(letter(), "a@billing.example", "b@other.example")
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    desk = Office(store, told)
    assert await control.release(desk, queue_id=queue_id, reason="seen") == 1
    with pytest.raises(Refused, match=r"a@billing.example: business-associates/ended.* holds it only now"):
        await control.release(desk, queue_id=queue_id, reason="seen")
    assert await control.release(desk, queue_id=queue_id, reason="its last invoice") == 1


STATE: Final = """[[policy.label]]
name = "il"
when = "true"
state = "IL"
[[policy.state_rule]]
name = "il-hiv"
state = "IL"
sensitivity = "hiv"
requirement = "authorization-but-for-treatment"
citation = "410 ILCS 305/9"
notice = "{}"
"""


async def test_what_is_below_is_what_the_law_table_says_at_the_release(store: Store) -> None:
    """Notice and address were wrong, and somebody reloads the right ones while it waits: they are below, once."""
    start = LOOK + STATE.format("Old words.") + SELLS.replace("Springfield", "Oldtown")
    later = LOOK + STATE.format("State law protects this.") + SELLS
    counter = Clinic(store, PHI, settings=settings(start))
    pipeline = counter.pipeline
    shop = Shop.of(counter.settings, store.vault)
    pipeline._edits = BodyEdits(pipeline.rules, shop, counter.changer, pipeline._inspector)
    entry = await counter.send(DOC, b"X-Mailward-Sensitivity: hiv", b"X-Mailward-Purpose: marketing")
    body = await counter.body(entry)
    assert (entry.state, body.count(b"Old words."), body.count(b"Oldtown")) == (EntryState.HELD, 1, 1)
    after = Office(store, settings(later), changer=counter.changer)
    ask = {"queue_id": entry.queue_id, "reason": "seen"}
    for _ in range(2):
        assert await control.release(after, **ask) == 1
        body = await counter.body(entry)
        assert (body.count(b"State law protects this."), body.count(b"Springfield")) == (1, 1)
        await held_again(store, entry)


@pytest.mark.parametrize("is_revoked", [True, False])
async def test_what_an_older_release_told_of_a_consent(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_revoked: bool
) -> None:
    """Its report names the notice alone; by its first record the scope is there, too: not twice, nor once it ended."""
    with monkeypatch.context() as patch:
        patch.setattr(edits, "edits_of", lambda *asked: replace(made := edits_of(*asked), marks=made.noticed))
        counter = clinic(store, "part2")
        await counter.give(Kind.PART2, DOC)
        entry = await counter.send(DOC, *of("part2"))
    await held_again(store, entry)
    was, ask = await counter.body(entry), {"queue_id": entry.queue_id, "reason": "seen"}
    if is_revoked:
        await revoke(store, "part2")
        for why in ("holds it only now", "says below that it goes out on a consent"):
            with pytest.raises(Refused, match=why):
                await control.release(office(counter), **ask)
    else:
        assert await control.release(office(counter), **ask) == 1
    assert await counter.body(entry) == was


def test_what_an_older_release_put_below_is_known_by_its_name() -> None:
    """Reports in the store have no hash of the text."""
    name, text = marks_of("state/il-hiv/notice", "Words.")
    assert is_told(name, "Words.", (name,))
    assert is_told(name, "Words.", (name, text))
    assert not is_told(name, "Other words.", (name, text))
    assert not is_told(name, "Words.", (text,))
