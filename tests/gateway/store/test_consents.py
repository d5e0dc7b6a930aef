"""The consent register, on each engine."""

from dataclasses import replace
from datetime import timedelta

from gateway.audit.search import Query, search
from gateway.message.event import Event
from gateway.store import consents
from gateway.store.consents import patient_key
from gateway.store.store import Store
from policy.consent import Consent, Kind
from tests.gateway.store.parts import NOW, make_event

PAT = "pat@b.example"
GIVEN = Consent(
    id="C1",
    patient=PAT,
    kind=Kind.PART2,
    purposes=("treatment", "payment"),
    recipients=("clinic2.example", "doc@c.example"),
    given_at=NOW - timedelta(days=3),
    expires_at=NOW + timedelta(days=300),
    evidence="ab" * 32,
    recorded_by="privacy",
    recorded_at=NOW,
)


async def recorded(store: Store, patient: str = "") -> tuple[Consent, ...]:
    async with store.read() as conn:
        return await consents.listing(conn, patient=patient)


async def asked(store: Store, *patients: str) -> tuple[Consent, ...]:
    async with store.read() as conn:
        return await consents.of_patients(conn, patients)


async def kinds(store: Store) -> list[str]:
    async with store.read() as conn:
        return [found.event.kind for found in await search(conn, Query(kind="consent."))]


def event_of(_: Consent) -> list[Event]:
    return [make_event("consent.revoked")]


async def test_an_entry_comes_back_as_it_was(store: Store) -> None:
    other = replace(GIVEN, id="C2", patient="id:" + "0" * 64, expires_at=None, evidence="", recipients=())
    other = replace(other, topics=("hiv", "reproductive"), covers="attendance")
    await consents.add(store, [GIVEN, other], events=[make_event("consent.recorded")])
    assert await recorded(store) == (GIVEN, other)
    assert await recorded(store, PAT) == (GIVEN,)
    assert await asked(store, PAT, PAT, "nobody@b.example") == (GIVEN,)
    assert await asked(store) == ()


async def test_revoked_is_kept_and_counts_no_longer(store: Store) -> None:
    """Once, with its event; the entry stays as evidence."""
    await consents.add(store, [GIVEN], events=())
    assert await consents.revoke(store, "C1", at=NOW, events_of=event_of) == GIVEN
    assert await consents.revoke(store, "C1", at=NOW, events_of=event_of) is None
    assert await consents.revoke(store, "C9", at=NOW, events_of=event_of) is None
    assert await asked(store, PAT) == ()
    assert await recorded(store) == (replace(GIVEN, revoked_at=NOW),)
    assert await kinds(store) == ["consent.revoked"]


async def test_asking_for_many(store: Store) -> None:
    """More than one statement's worth of recipients."""
    await consents.add(store, [GIVEN], events=())
    assert await asked(store, *(f"p{number}@b.example" for number in range(1200)), PAT) == (GIVEN,)


async def test_whom_a_word_means(store: Store) -> None:
    """An id is kept as a hash that only this installation can make; an address in lower case."""
    key = patient_key(store.vault, " 00123456 ")
    assert key.startswith("id:")
    assert len(key) == 67
    assert "123456" not in key
    assert key == patient_key(store.vault, "00123456") != patient_key(store.vault, "00123457")
    assert patient_key(store.vault, "Pat@B.example") == PAT
    assert patient_key(store.vault, " ") == ""
