"""The patient of a message by its findings: one person of the index, or nobody; and nobody's consent for another."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.message.entry import EntryState, QueueEntry
from gateway.message.verdict import Accepted
from gateway.pipeline.patients import NOBODY_ELSE, meant
from gateway.store import consents
from gateway.store.bindings import persons_key
from gateway.store.consents import patient_key
from gateway.store.store import Store
from policy.consent import Kind
from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from tests.gateway.pipeline.counter import Counter, envelope, letter
from tests.gateway.pipeline.test_bindings import Patient, bind
from tests.gateway.pipeline.test_registers import DOC, consent, packs

AUTHORIZED = b"X-Mailward-Purpose: authorized"
MARTHA, ROBERT = Patient(0), Patient(11)
HERS = f"Patient: {MARTHA.name}, DOB {MARTHA.born}. Hemoglobin A1c is 9.1, diabetes."


async def send(store: Store, body: str, *fields: bytes, purpose: bytes = AUTHORIZED) -> QueueEntry:
    """Of a system whose control fields are believed; classified here. Returns: its entry."""
    data = letter(b"Subject: Result", purpose, *fields, body=body.encode() + b"\r\n")
    custom = CustomDetectors(Custom(persons_key=persons_key(store.vault)))
    counter = Counter(store, classify_message(data, custom=custom), settings=packs("consent"))
    made = envelope(DOC)
    answer = await counter.pipeline.submit(replace(made, client=replace(made.client, believes_headers=True)), data)
    assert isinstance(answer, Accepted)
    return (await counter.entries(answer.queue_id))[0]


async def authorize(store: Store, patient: Patient, kind: Kind = Kind.AUTHORIZATION) -> None:
    given = consent(patient_key(store.vault, patient.id), kind, recipients=("clinic2.example",), id=f"C{kind}")
    await consents.add(store, [given], events=())


async def test_findings_name_the_patient(store: Store) -> None:
    """By name with birth date, or by the id; and the trace says on what it rests."""
    await bind(store, [MARTHA, ROBERT])
    assert (await send(store, HERS)).state is EntryState.HELD
    await authorize(store, MARTHA)
    entry = await send(store, HERS)
    assert entry.state is EntryState.QUEUED
    assert (await send(store, f"Patient MRN: {MARTHA.id}. Hemoglobin A1c is 9.1.")).state is EntryState.QUEUED
    counter = Counter(store)
    decided = (await counter.events("message.decided"))[-1]
    assert "name one patient of the index" in str(decided.data["trace"])
    stranger = f"Patient: Nobody Known, DOB {MARTHA.born}. Hemoglobin A1c is 9.1."
    assert (await send(store, stranger)).state is EntryState.HELD


@pytest.mark.parametrize(
    "more",
    [
        f"Patient: {ROBERT.name}, DOB {ROBERT.born}, has diabetes, too.",  # both on the index
        "Patient: Oscar Wildhagen, DOB 02/02/1950, has diabetes, too.",  # one is not
        "The patient Oscar Wildhagen has diabetes, too.",  # nor named by anything that is on an index
        "Patient MRN: MRN-777777 has diabetes, too.",
    ],
)
async def test_two_patients_are_nobody(store: Store, more: str) -> None:
    """Her authorization lets nobody else's information go."""
    await bind(store, [MARTHA, ROBERT])
    await authorize(store, MARTHA)
    assert (await send(store, f"{HERS}\r\n{more}")).state is EntryState.HELD


async def test_a_nurse_is_not_her_own_patient(store: Store) -> None:
    """Who signs is on the index as a patient, too: her consent is not that of whom she writes about."""
    await bind(store, [MARTHA])
    await authorize(store, MARTHA)
    body = f"Patient: Oscar Wildhagen, DOB {MARTHA.born}, has diabetes.\r\n\r\nRegards,\r\n{MARTHA.name}, RN\r\n"
    assert (await send(store, body)).state is EntryState.HELD


async def test_a_mistyped_number_is_nobody(store: Store) -> None:
    """The number is hers, the name and birth date are somebody else's."""
    await bind(store, [MARTHA])
    await authorize(store, MARTHA)
    body = f"Patient: Oscar Wildhagen, DOB 02/02/1950, MRN: {MARTHA.id}. Hemoglobin A1c is 9.1, diabetes."
    assert (await send(store, body)).state is EntryState.HELD


async def test_what_the_system_says_comes_first(store: Store) -> None:
    """X-Mailward-Patient, then the findings."""
    await bind(store, [MARTHA, ROBERT])
    await authorize(store, MARTHA)
    other = f"X-Mailward-Patient: {ROBERT.id}".encode()
    assert (await send(store, HERS, other)).state is EntryState.HELD


async def test_who_may_be_meant_has_what_is_forbidden(store: Store) -> None:
    """45 CFR 164.522(a): with two patients named, the restriction of either counts."""
    await bind(store, [MARTHA, ROBERT])
    both = f"{HERS}\r\nPatient: {ROBERT.name}, DOB {ROBERT.born}, has diabetes, too."
    payment = b"X-Mailward-Purpose: payment"
    assert (await send(store, both, purpose=payment)).state is EntryState.QUEUED
    await authorize(store, ROBERT, Kind.RESTRICTION)
    assert (await send(store, both, purpose=payment)).state is EntryState.HELD
    assert (await send(store, HERS, purpose=payment)).state is EntryState.QUEUED


async def test_nothing_plain_is_on_the_disk(store: Store, tmp_path: Path) -> None:
    """Keyed hashes alone: neither name nor number nor birth date, in whatever file."""
    await bind(store, [MARTHA])
    await send(store, HERS)
    kept = _written(tmp_path)
    assert len(kept) > 1000
    assert not any(word.encode() in kept for word in (*MARTHA.name.split(), MARTHA.id, MARTHA.born))


def _written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("found", "ways", "expected"),
    [
        ({}, (), ()),
        ({"a": {"M"}}, (), ("M",)),
        ({"a": {"M", "T"}, "b": {"M"}}, (), ("M",)),  # twins, of whom one has that middle name
        ({"a": {"M", "T"}}, (("a",),), ("M", "T")),
        ({"a": {"M"}, "b": {"R"}}, (), ("M", "R")),
        ({"a": {"M"}}, (("a",), ("x",)), ("M", NOBODY_ELSE)),
        ({"a": {"M"}, "x": {"M"}}, (("x", "y"), ("a",)), ("M",)),
    ],
)
def test_whom_marks_mean(
    found: dict[str, set[str]], ways: tuple[tuple[str, ...], ...], expected: tuple[str, ...]
) -> None:
    assert meant(found, ways=ways) == expected
