"""Decided on again before an attempt: whatever a register no longer permits stays, and nothing else is touched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.control import queue as queue_desk
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.recheck import Review
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.verdict import Verdict
from gateway.pipeline.recheck import Recheck
from gateway.store import consents, decisions, organisations
from gateway.store.consents import patient_key
from gateway.store.errors import StoreSick
from gateway.store.store import Store
from policy.consent import Consent, Kind
from policy.decision import Method
from policy.record import Cause
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter, Here, envelope, letter
from tests.gateway.pipeline.test_registers import (
    ACCESS,
    DAY,
    DOC,
    NOW,
    PAT,
    SUBSTANCE,
    TREATMENT,
    associate,
    consent,
    packs,
    send,
)  # fmt: skip

PAYMENT: Final = b"X-Mailward-Purpose: payment"


async def look(store: Store, told: Settings, *entries: QueueEntry, later: timedelta = DAY) -> Review:
    return await Recheck(told, store)(entries, now=entries[0].queued_at + later)


async def waiting(store: Store, told: Settings, report: object, recipient: str, *fields: bytes) -> QueueEntry:
    made = Counter(store, report, settings=told, changer=Here())  # type: ignore[arg-type]
    entry = await send(made, recipient, *fields)
    assert entry.state is EntryState.QUEUED
    assert await look(store, told, entry) == Review(), "nothing changed"
    return entry


async def revoke(store: Store) -> None:
    await consents.revoke(store, "C1", at=NOW, events_of=lambda _: ())


async def test_a_revoked_consent_of_part_2_stops_what_waits(store: Store) -> None:
    """Item 7; 42 CFR 2.31(a)(8)."""
    told = packs("part2")
    given = consent(patient_key(store.vault, "MRN-0042"), Kind.PART2, recipients=("clinic2.example",))
    await consents.add(store, [given], events=())
    entry = await waiting(store, told, SUBSTANCE, DOC, *TREATMENT)
    await revoke(store)
    (one,) = (await look(store, told, entry)).changed
    assert "part2/consent" in one.why
    assert one.event.data["action"] == "hold"


async def test_a_revoked_authorization_stops_what_waits(store: Store) -> None:
    """45 CFR 164.508(b)(5)."""
    told = packs("consent")
    given = consent(
        patient_key(store.vault, "MRN-0042"), Kind.AUTHORIZATION, purposes=("authorized",), recipients=(DOC,),
        expires_at=NOW + 9 * DAY,
    )  # fmt: skip
    await consents.add(store, [given], events=())
    entry = await waiting(store, told, PHI, DOC, b"X-Mailward-Purpose: authorized", TREATMENT[1])
    assert (await look(store, told, entry, later=10 * DAY)).changed, "nor when it has run out meanwhile"
    await revoke(store)
    (one,) = (await look(store, told, entry)).changed
    assert "consent/authorization" in one.why


async def test_an_agreement_that_ended_or_ran_out_stops_what_waits(store: Store) -> None:
    """45 CFR 164.504(e), of one recipient of two; the other goes on."""
    told = packs("business-associates")
    await organisations.add(store, [associate(expires_at=NOW + 9 * DAY)], renews=False, events=())
    entry = await waiting(store, told, PHI, "a@billing.example", PAYMENT)
    assert (await look(store, told, entry, later=10 * DAY)).changed
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    (one,) = (await look(store, told, entry)).changed
    assert "business-associates/ended" in one.why


async def test_who_asked_for_the_portal_meanwhile_gets_it_there(store: Store) -> None:
    """45 CFR 164.522(b): it is not stopped, which would delay care, but takes the way that was asked for."""
    told = packs("consent")
    entry = await waiting(store, told, PHI, PAT)
    await consents.add(store, [consent(PAT, Kind.CONFIDENTIAL)], events=())
    (one,) = (await look(store, told, entry)).changed
    assert (one.why, one.entry.method, one.entry.methods) == ("", Method.PORTAL, (Method.PORTAL,))
    assert await look(store, told, one.entry) == Review(), "once"


@pytest.mark.parametrize(("word", "stops"), [(b"marketing", True), (b"fundraising", True), (b"treatment", False)])
async def test_who_opts_out_gets_nothing_that_waits(store: Store, word: bytes, stops: bool) -> None:
    """15 U.S.C. 7704(a)(4): at once, without any pack, also of what is in the queue; care goes on."""
    told = packs()
    entry = await waiting(store, told, CLEAN, PAT, b"X-Mailward-Purpose: " + word)
    await consents.add(store, [consent(PAT, Kind.OPT_OUT)], events=())
    changed = (await look(store, told, entry)).changed
    assert ["Opted out: this address wants no such mail" in one.why for one in changed] == [True] * stops


async def test_an_opt_out_that_cannot_be_read_stops_promotion_alone(store: Store) -> None:
    """Invariant 5: 451 for what comes, and what waits waits; a table that is gone is no error that nobody foresaw."""
    told = packs()
    promotes = await waiting(store, told, CLEAN, PAT, b"X-Mailward-Purpose: marketing")
    cares = await waiting(store, told, CLEAN, PAT, b"X-Mailward-Purpose: treatment")

    async def remove(conn: AsyncConnection) -> None:
        await conn.execute(sa.text("ALTER TABLE consent RENAME TO consent_away"))

    await store.transact(remove)
    counter, made = Counter(store, CLEAN, settings=told), envelope(PAT)
    believed = replace(made, client=replace(made.client, believes_headers=True))
    assert await counter.pipeline.submit(believed, letter(b"X-Mailward-Purpose: marketing")) is Verdict.STORE_SICK
    with pytest.raises(StoreSick):
        await look(store, told, promotes)
    assert await look(store, told, cares) == Review()


async def test_plain_mail_stops_when_its_choice_is_gone(store: Store) -> None:
    """Without any pack: the purpose alone asks the register."""
    told = packs()
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    entry = await waiting(store, told, PHI, PAT, ACCESS)
    assert not entry.protected
    await revoke(store)
    (one,) = (await look(store, told, entry)).changed
    assert "protected now" in one.why


async def test_nothing_opens_that_was_closed(store: Store) -> None:
    """OB-12: a choice of plain mail that comes later changes nothing for what waits."""
    told = packs("consent")
    entry = await waiting(store, told, PHI, PAT, ACCESS)
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    assert await look(store, told, entry) == Review()


async def test_a_record_is_kept_of_it(store: Store) -> None:
    """Item 13: years later it can be said why it stopped."""
    told = packs("business-associates")
    await organisations.add(store, [associate()], renews=False, events=())
    entry = await waiting(store, told, PHI, "a@billing.example", PAYMENT)
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    review = await look(store, told, entry)
    (row,) = review.kept
    kept = decisions.opened(row.row, store.vault)  # type: ignore[arg-type]
    assert (kept.cause, kept.kept.decisions[0].action.value) == (Cause.CHECKED, "hold")
    assert not kept.kept.facts.recipients[0].agreement.in_force


# --- outages and what costs nothing ---


async def broken(_conn: object, _patients: Sequence[str]) -> tuple[Consent, ...]:
    raise StoreSick("disk")


async def test_a_register_that_cannot_be_read_stops_only_what_needs_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Item 11: what a register has a say in is not tried; all else goes on."""
    free, asking = packs("executables"), packs("consent")
    safe = await waiting(store, free, PHI, PAT)
    needs = await waiting(store, asking, PHI, PAT)
    monkeypatch.setattr(consents, "of_patients", broken)
    assert await look(store, free, safe) == Review()
    with pytest.raises(StoreSick):
        await look(store, asking, needs)


async def test_what_was_just_decided_costs_no_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first attempt straight from memory; but not when a register changed since."""
    told = packs("consent")
    counter = Counter(store, PHI, settings=told)
    await send(counter, PAT)  # the first of a gateway writes its policy down
    entry = await send(counter, PAT)
    monkeypatch.setattr(consents, "of_patients", broken)
    assert await look(store, told, entry, later=timedelta(seconds=1)) == Review()
    await organisations.add(store, [associate()], renews=False, events=())
    with pytest.raises(StoreSick):
        await look(store, told, entry, later=timedelta(seconds=1))


async def test_mail_without_a_record_goes_on(store: Store) -> None:
    """An older release accepted it."""
    told = packs("consent")
    entry = await send(Counter(store, CLEAN, settings=told), PAT)
    other = replace(entry, id="OTHER-1", queue_id="OTHER")
    assert await look(store, told, other) == Review()


# --- release ---


async def test_a_release_knows_what_changed_while_it_was_held(store: Store) -> None:
    """Held for one reason, and meanwhile revoked: a person has to see that before it leaves."""
    told = packs("consent", "mass-recipients", "business-associates")
    await organisations.add(store, [associate(purposes=("payment",))], renews=False, events=())
    counter = Counter(store, PHI, settings=told)
    entry = await send(counter, "a@billing.example", b"X-Mailward-Purpose: operations")
    assert entry.state is EntryState.HELD
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    office = Office(store, told)
    with pytest.raises(Refused, match="business-associates/ended holds it only now"):
        await queue_desk.release(office, queue_id=entry.queue_id, reason="looked at it")
    assert await counter.states(entry.queue_id) == [EntryState.HELD]
    assert await queue_desk.release(office, queue_id=entry.queue_id, reason="seen that too") == 1
    (freed,) = await counter.entries(entry.queue_id)
    assert await look(store, told, freed) == Review(), "and the attempt does not hold it again"
