"""Patients and segments on the way of a message: who is not meant does not get it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState
from gateway.message.verdict import Accepted, Verdict
from gateway.store import bindings
from gateway.store.bindings import Bound, persons_key
from gateway.store.consents import patient_key
from gateway.store.errors import StoreSick
from gateway.store.store import Store
from policy.binding import is_other_patient
from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.persons import address_mark, id_marks, person_marks
from policy.phi.report import Report
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import Counter, envelope, letter

RULED = settings("[policy]\npacks = ['misaddressed']\n")
GIVEN = "Martha Robert Linda James Susan Peter Karen Walter Nancy Arthur".split()
FAMILY = "Grimes Jones Fletcher Barnes Holloway Mercer Whitfield Lambert Osborne Pruitt".split()


class Patient:
    """One of a practice's patients. number: from 0."""

    def __init__(self, number: int) -> None:
        self.id = f"MRN-{100_000 + number}"
        self.name = f"{GIVEN[number % 10]} {FAMILY[number // 10 % 10]}"
        self.born = f"19{30 + number // 100 % 60}-{number % 12 + 1:02}-{number % 28 + 1:02}"
        self.address = f"patient{number}@b.example"

    def letter(self) -> bytes:
        year, month, day = self.born.split("-")
        return letter(
            b"Subject: Your result",
            body=f"Patient: {self.name}, DOB {month}/{day}/{year}.\r\nHemoglobin A1c is 9.1, diabetes.\r\n".encode(),
        )


async def bind(store: Store, people: Sequence[Patient]) -> None:
    key = persons_key(store.vault)
    bound = [
        Bound(
            person=patient_key(store.vault, one.id),
            names=person_marks(key, one.name, one.born) | id_marks(key, one.id),
            addresses=frozenset({address_mark(key, one.address)}),
        )
        for one in people
    ]
    await bindings.bind(store, bound, at=envelope().received_at, events=())


async def send(store: Store, data: bytes, to: str, *, believed: bool = False) -> EntryState:
    """Classified here, as an inspector of this installation would. Returns: what became of it."""
    custom = CustomDetectors(Custom(persons_key=persons_key(store.vault)))
    counter = Counter(store, classify_message(data, custom=custom), settings=RULED)
    made = envelope(to)
    answer = await counter.pipeline.submit(replace(made, client=replace(made.client, believes_headers=believed)), data)
    assert isinstance(answer, Accepted)
    (state,) = await counter.states(answer.queue_id)
    return state


@pytest.mark.slow
@pytest.mark.parametrize("table", ["patient_mark", "segment_member"])
async def test_an_index_that_is_gone_permits_nothing(store: Store, table: str) -> None:
    """Invariant 5: 451 for mail that names somebody or a list; other mail asks nothing of it and is taken."""

    async def remove(conn: AsyncConnection) -> None:
        await conn.execute(sa.text(f"ALTER TABLE {table} RENAME TO away"))

    await store.transact(remove)
    counter = Counter(store, None, settings=RULED)
    made = envelope("pat@b.example")
    believed = replace(made, client=replace(made.client, believes_headers=True))
    named = letter(b"X-Mailward-Segment: spring", b"X-Mailward-Patient: MRN-0042")
    assert await counter.pipeline.submit(believed, named) is Verdict.STORE_SICK
    assert isinstance(await counter.pipeline.submit(believed, letter()), Accepted)


async def test_a_shifted_mail_merge_is_held(store: Store) -> None:
    """Every letter goes to the next one's address: all are held, and in the right order none is."""
    people = [Patient(number) for number in range(8)]
    await bind(store, people)
    for one, following in zip(people, [*people[1:], people[0]], strict=True):
        assert await send(store, one.letter(), following.address) is EntryState.HELD
        assert await send(store, one.letter(), one.address) is EntryState.QUEUED


def test_a_thousand_letters() -> None:
    """The same of a thousand, as the policy sees it."""
    key, people = b"k" * 32, [Patient(number) for number in range(1000)]
    index = dict[str, set[str]]()
    for one in people:
        for mark in person_marks(key, one.name, one.born):
            index.setdefault(mark, set()).add(one.id)
    for one, following in zip(people, [*people[1:], people[0]], strict=True):
        named = [index[mark] for mark in person_marks(key, one.name, one.born)]
        assert is_other_patient(named, [following.id])
        assert not is_other_patient(named, [one.id])


async def test_strangers_and_staff_are_not_its_business(store: Store) -> None:
    """An address that nobody on the index has, and one of our own."""
    martha, robert = Patient(0), Patient(1)
    robert.address = "robert@clinic.example"
    await bind(store, [martha, robert])
    assert await send(store, martha.letter(), "dr@practice.example") is EntryState.QUEUED
    assert await send(store, martha.letter(), "robert@clinic.example") is EntryState.QUEUED


async def test_what_the_ehr_says_counts(store: Store) -> None:
    """X-Mailward-Patient names somebody as well as the text does, but only where it is believed."""
    martha, robert = Patient(0), Patient(1)
    await bind(store, [martha, robert])
    data = letter(f"X-Mailward-Patient: {martha.id}".encode())
    assert await send(store, data, robert.address, believed=True) is EntryState.HELD
    assert await send(store, data, martha.address.upper(), believed=True) is EntryState.QUEUED
    by_address = letter(f"X-Mailward-Patient: {martha.address}".encode())
    assert await send(store, by_address, robert.address, believed=True) is EntryState.HELD
    assert await send(store, by_address, robert.address) is EntryState.QUEUED
    unknown = letter(b"X-Mailward-Patient: MRN-999999")
    assert await send(store, unknown, robert.address, believed=True) is EntryState.QUEUED


async def test_who_is_forgotten_is_nowhere(store: Store) -> None:
    """The index goes with the person: what named him finds nobody."""
    martha, robert = Patient(0), Patient(1)
    await bind(store, [martha, robert])
    assert await bindings.forget(store, patient_key(store.vault, martha.id), events=())
    assert not await bindings.forget(store, patient_key(store.vault, martha.id), events=())
    assert await send(store, martha.letter(), robert.address) is EntryState.QUEUED
    async with store.read() as conn:
        assert await bindings.patients(conn) == 1
        key = persons_key(store.vault)
        assert not await bindings.people_of(conn, id_marks(key, martha.id), addresses=False)
        assert not await bindings.people_of(conn, [address_mark(key, martha.address)], addresses=True)


async def test_a_new_address_replaces_the_old(store: Store) -> None:
    martha, robert = Patient(0), Patient(1)
    await bind(store, [martha, robert])
    moved = Patient(1)
    moved.address = "new@b.example"
    await bind(store, [moved])
    assert await send(store, martha.letter(), robert.address) is EntryState.QUEUED
    assert await send(store, martha.letter(), "new@b.example") is EntryState.HELD


async def test_outside_its_segment_nobody_gets_it(store: Store) -> None:
    """Who is on the list gets it, who is not does not, and a list that nobody made has nobody on it."""
    key = persons_key(store.vault)
    members = {address_mark(key, "a@b.example")}
    await bindings.fill(store, "spring", members, at=envelope().received_at, by="me", events=())
    data = letter(b"X-Mailward-Segment: Spring")
    assert await send(store, data, "A@b.example", believed=True) is EntryState.QUEUED
    assert await send(store, data, "c@b.example", believed=True) is EntryState.HELD
    assert await send(store, data, "c@b.example") is EntryState.QUEUED  # the field of a stranger says nothing
    other = letter(b"X-Mailward-Segment: autumn")
    assert await send(store, other, "a@b.example", believed=True) is EntryState.HELD
    assert await bindings.drop(store, "spring", events=())
    assert await send(store, data, "a@b.example", believed=True) is EntryState.HELD


async def test_an_index_that_cannot_be_read_lets_nothing_by(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 5: the client tries again; but mail that names nobody needs no index and goes on."""

    async def sick(*_: object, **__: object) -> None:
        raise StoreSick("no index")

    monkeypatch.setattr(bindings, "people_of", sick)
    named = Report(phi=False, score=0.0, named=("ab" * 16,))
    assert await Counter(store, named, settings=RULED).submit(letter()) is Verdict.STORE_SICK
    clean = Report(phi=False, score=0.0)
    assert isinstance(await Counter(store, clean, settings=RULED).submit(letter()), Accepted)
