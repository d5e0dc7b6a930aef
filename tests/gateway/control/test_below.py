"""What a release may not forget: what mail was for, whose consent it names, who wants none of it by now."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.control import queue as control
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState, QueueEntry
from gateway.pipeline.recheck import Recheck
from gateway.store import consents
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.consent import Kind
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, SENDER, Counter, Here
from tests.gateway.pipeline.test_edits import PDF, SELLS, Desk
from tests.gateway.pipeline.test_registers import DAY, DOC, PAT, consent, send
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
