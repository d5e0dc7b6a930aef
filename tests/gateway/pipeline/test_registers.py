"""Registers on the way of a message: what they say decides whether it goes, is held, or leaves plain."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.verdict import Verdict
from gateway.pipeline.registers import Registers
from gateway.store import consents, organisations
from gateway.store.consents import patient_key
from gateway.store.errors import StoreSick
from gateway.store.register_tables import consent as consent_table
from gateway.store.store import Store
from policy.baa import Organisation, Relation
from policy.consent import Consent, Kind
from policy.decision import Method
from policy.phi.report import Finding, Place, Report
from policy.phi.report import Kind as Found
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter, Here, envelope, letter

DAY = timedelta(days=1)
NOW = envelope().received_at
PAT, DOC = "pat@b.example", "doc@clinic2.example"
SUBSTANCE = Report(
    phi=True,
    score=0.9,
    findings=(Finding(kind=Found.SUBSTANCE_USE, masked="…", place=Place(part="1"), certainty=0.9, why="a word"),),
)


def packs(*names: str) -> Settings:
    return settings(f"[policy]\npacks = [{', '.join(repr(name) for name in names)}]\n")


def consent(patient: str, kind: Kind, **changes: object) -> Consent:
    made = Consent(
        id="C1", patient=patient, kind=kind, purposes=("any",), recipients=(), given_at=NOW - DAY,
        recorded_by="privacy", recorded_at=NOW - DAY,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def associate(**changes: object) -> Organisation:
    made = Organisation(
        name="Billing Ltd", relation=Relation.ASSOCIATE, domains=("billing.example",), purposes=("payment",),
        agreed_at=NOW - DAY, recorded_by="privacy", recorded_at=NOW - DAY,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


async def send(counter: Counter, recipient: str, *fields: bytes) -> QueueEntry:
    """A message of a system whose control fields are believed. Returns: its entry."""
    made = envelope(recipient)
    answer = await counter.pipeline.submit(
        replace(made, client=replace(made.client, believes_headers=True)), letter(*fields)
    )
    assert not isinstance(answer, Verdict)
    (entry,) = await counter.entries(answer.queue_id)
    return entry


PART2 = b"X-Mailward-Sensitivity: part2"
TREATMENT = (b"X-Mailward-Purpose: treatment", b"X-Mailward-Patient: MRN-0042", PART2)


async def test_part_2_needs_the_consent_of_this_patient(store: Store) -> None:
    """42 CFR 2.31: held without; goes with; held again from the moment of its revocation."""
    counter = Counter(store, SUBSTANCE, settings=packs("part2"), changer=Here())
    assert (await send(counter, DOC, *TREATMENT)).state is EntryState.HELD
    given = consent(patient_key(store.vault, "MRN-0042"), Kind.PART2, recipients=("clinic2.example",))
    await consents.add(store, [given], events=())
    entry = await send(counter, DOC, *TREATMENT)
    assert (entry.state, entry.protected) == (EntryState.QUEUED, True)
    other = (TREATMENT[0], b"X-Mailward-Patient: MRN-0043", PART2)
    assert (await send(counter, DOC, *other)).state is EntryState.HELD
    assert (await send(counter, "doc@clinic3.example", *TREATMENT)).state is EntryState.HELD
    assert (await send(counter, DOC, TREATMENT[0], PART2)).state is EntryState.HELD  # of whom is it?
    await consents.revoke(store, "C1", at=NOW, events_of=lambda _: ())
    assert (await send(counter, DOC, *TREATMENT)).state is EntryState.HELD
    held = (await counter.events("message.held"))[0]
    assert held.data["why"] == "rule part2/consent"


async def test_an_agreement_that_ended_holds(store: Store) -> None:
    """45 CFR 164.504(e): the next message after its end; sub-domains, too; a purpose not permitted."""
    counter = Counter(store, PHI, settings=packs("business-associates"))
    payment, operations = b"X-Mailward-Purpose: payment", b"X-Mailward-Purpose: operations"
    assert (await send(counter, "a@billing.example", operations)).state is EntryState.HELD
    await organisations.add(store, [associate()], renews=False, events=())
    assert (await send(counter, "a@billing.example", payment)).state is EntryState.QUEUED
    assert (await send(counter, "a@eu.billing.example", payment)).state is EntryState.QUEUED
    assert (await send(counter, "a@billing.example", operations)).state is EntryState.HELD
    assert (await send(counter, "a@billing.example")).state is EntryState.HELD
    await organisations.end(store, "Billing Ltd", at=NOW, events=())
    assert (await send(counter, "a@eu.billing.example", payment)).state is EntryState.HELD
    assert (await send(counter, "pat@b.example", payment)).state is EntryState.QUEUED


ACCESS = b"X-Mailward-Purpose: access"


async def test_plain_mail_only_by_a_recorded_choice(store: Store) -> None:
    """Invariant 1: of this person, to this person alone, in force; the audit log says so."""
    counter = Counter(store, PHI)
    assert (await send(counter, PAT, ACCESS)).protected
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    entry = await send(counter, PAT.upper().replace("PAT", "Pat"), ACCESS)
    assert (entry.protected, entry.methods) == (False, (Method.TLS,))
    decided = (await counter.events("message.decided"))[-1]
    assert "consent register" in str(decided.data["trace"])
    assert (await send(counter, "eve@b.example", ACCESS)).protected
    assert (await send(counter, PAT)).protected
    await consents.revoke(store, "C1", at=NOW, events_of=lambda _: ())
    assert (await send(counter, PAT, ACCESS)).protected


async def test_a_purpose_that_is_not_believed_opens_nothing(store: Store) -> None:
    """ID-08: anybody could write the field; only a listener or credential that may makes it count."""
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    counter = Counter(store, PHI)
    (entry,) = await counter.entries(await counter.accept(letter(ACCESS), PAT))
    assert entry.protected


async def test_who_asked_for_the_portal_gets_it_there(store: Store) -> None:
    """45 CFR 164.522(b)(1)."""
    counter = Counter(store, PHI, settings=packs("consent"))
    assert (await send(counter, PAT)).methods == (Method.TLS, Method.PORTAL)
    await consents.add(store, [consent(PAT, Kind.CONFIDENTIAL)], events=())
    assert (await send(counter, PAT)).methods == (Method.PORTAL,)


async def test_nobody_asks_what_no_rule_needs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail of an installation without such rules costs no read of a register; with them it costs one a message."""
    asked = []

    async def count(_conn: object, patients: list[str]) -> tuple[Consent, ...]:
        asked.append(sorted(patients))
        return ()

    monkeypatch.setattr(consents, "of_patients", count)
    await Counter(store).accept(letter(), "a@b.example")
    assert asked == []
    await Counter(store, settings=packs("consent")).accept(letter(), "a@b.example", "C@d.example")
    assert asked == [["a@b.example", "c@d.example"]]
    told = await Registers(store, frozenset({"baa.qsoa"})).ask(["a@b.example"], patient="", purpose="", at=NOW)
    assert told["a@b.example"].consents.confidential  # not asked: the strictest answer
    assert len(asked) == 1


async def test_registers_that_cannot_be_read_permit_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 5: 451, and the client still has it; nothing is kept."""

    async def broken(_conn: object, _patients: list[str]) -> tuple[Consent, ...]:
        raise StoreSick("disk")

    monkeypatch.setattr(consents, "of_patients", broken)
    counter = Counter(store, settings=packs("consent"))
    assert await counter.submit(letter()) is Verdict.STORE_SICK
    assert await counter.everything() == ()


@pytest.mark.parametrize("column", ["purposes", "kind"])
async def test_a_damaged_entry_stops_whom_it_is_about_and_nobody_else(store: Store, column: str) -> None:
    """Item 11: 451 as for any store that cannot be read, and not an error that nobody foresaw."""
    await consents.add(store, [consent(PAT, Kind.OPT_OUT)], events=())

    async def damage(conn: AsyncConnection) -> None:
        await conn.execute(sa.update(consent_table).values({column: "{"}))

    await store.transact(damage)
    counter = Counter(store, settings=packs("consent"))
    assert await counter.submit(letter(), PAT) is Verdict.STORE_SICK
    assert await counter.states(await counter.accept(letter(), DOC)) == [EntryState.QUEUED]


async def test_a_register_that_is_gone_stops_what_needs_it_and_nothing_else(store: Store) -> None:
    """Item 11: mail to a person about that person asks what they chose; treatment asks nothing here and goes."""

    async def remove(conn: AsyncConnection) -> None:
        await conn.execute(sa.text("ALTER TABLE consent RENAME TO consent_away"))

    await store.transact(remove)
    counter, made = Counter(store), envelope(PAT)
    believed = replace(made, client=replace(made.client, believes_headers=True))
    assert await counter.pipeline.submit(believed, letter(ACCESS)) is Verdict.STORE_SICK
    assert await counter.everything() == ()
    assert (await send(counter, DOC, b"X-Mailward-Purpose: treatment")).state is EntryState.QUEUED
    assert store.healthy, "and mail is taken"


async def test_an_unknown_organisation_is_held_where_that_is_asked_for(store: Store) -> None:
    """Issue 6, line 9: policy.unknown_organisation = "hold"; never mail to the person it is about, nor clean mail."""
    told = settings('[policy]\nunknown_organisation = "hold"\n')
    counter, payment = Counter(store, PHI, settings=told), b"X-Mailward-Purpose: payment"
    assert (await send(counter, "a@billing.example", payment)).state is EntryState.HELD
    assert (await send(counter, "nurse2@clinic.example", payment)).state is EntryState.QUEUED
    assert (await send(counter, PAT, ACCESS)).state is EntryState.QUEUED
    assert (await send(Counter(store, settings=told, answer=CLEAN), "a@billing.example")).state is EntryState.QUEUED
    await organisations.add(store, [associate()], renews=False, events=())
    assert (await send(counter, "a@billing.example", payment)).state is EntryState.QUEUED
    assert (await send(Counter(store, PHI), "a@unknown.example", payment)).state is EntryState.QUEUED, "review is usual"
