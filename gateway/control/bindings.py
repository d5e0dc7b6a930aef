"""Known patients with their addresses, and segments, for operators. Nothing of them is ever shown again."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.audit import admin
from gateway.config.rules import rule_book
from gateway.control.office import Office
from gateway.control.register_rows import NAME, read_address, read_all, read_texts
from gateway.control.wire import Refused
from gateway.pipeline.bindings import OTHER, SEGMENT
from gateway.store import bindings
from gateway.store.bindings import Bound, persons_key
from gateway.store.consents import patient_key
from policy.phi.persons import address_mark, days_of, id_marks, person_marks

COLUMNS = ("patient", "name", "birth_date", "addresses")
LONGEST_NAME = 64  # of a segment
USAGE = 2


async def bind(office: Office, *, rows: Sequence[Mapping[str, str]], by: str, is_rehearsal: bool) -> dict[str, Any]:
    """Put patients on the index, all or none. Returns: `count`, and `faults` by row number. Raises: Refused."""
    _check_asked(office, OTHER)
    key = persons_key(office.store.vault)

    def read(row: Mapping[str, str]) -> Bound:
        return _read_patient(row, key, patient_key(office.store.vault, row.get("patient", "")))

    found = await asyncio.to_thread(read_all, rows, read)
    faults = [*found.faults, *_twice(found.entries)]
    if found.entries and not faults and not is_rehearsal:
        now = datetime.now(UTC)
        event = admin.patients_bound(at=now, count=len(found.entries), by=by)
        await bindings.bind(office.store, found.entries, at=now, events=[event])
    return {"count": len(found.entries), "faults": [list(fault) for fault in faults]}


async def forget(office: Office, *, patient: str, by: str, why: str) -> None:
    """Take a patient off the index. Raises: Refused when there is none of that id."""
    event = admin.patients_forgotten(at=datetime.now(UTC), by=by, why=why)
    if not await bindings.forget(office.store, patient_key(office.store.vault, patient), events=[event]):
        raise Refused("no patient of that id is on the index")


async def count(office: Office) -> int:
    """How many patients are on the index."""
    async with office.store.read() as conn:
        return await bindings.patients(conn)


async def fill(office: Office, *, name: str, addresses: Sequence[str], by: str) -> dict[str, Any]:
    """Make or replace a segment, all of it or none. Returns: `count`, and `faults` by line number. Raises: Refused."""
    _check_asked(office, SEGMENT)
    word = _name(name)
    key = persons_key(office.store.vault)
    rows = [{"address": address} for address in addresses]
    found = await asyncio.to_thread(read_all, rows, lambda row: read_address(row["address"]))
    if not found.entries and not found.faults:
        raise Refused("the list has no address", USAGE)
    marks = {address_mark(key, address) for address in found.entries}
    if not found.faults:
        now = datetime.now(UTC)
        event = admin.segment_filled(at=now, name=word, count=len(marks), by=by)
        await bindings.fill(office.store, word, marks, at=now, by=by, events=[event])
    return {"count": len(marks), "faults": [list(fault) for fault in found.faults]}


async def drop(office: Office, *, name: str, by: str, why: str) -> None:
    """Forget a segment: mail that names it is held from now on. Raises: Refused when there is none."""
    event = admin.segment_dropped(at=datetime.now(UTC), name=_name(name), by=by, why=why)
    if not await bindings.drop(office.store, _name(name), events=[event]):
        raise Refused(f"there is no segment {name}")


async def segments(office: Office) -> list[dict[str, Any]]:
    """Each with its name, how many are on it, who made it and when."""
    async with office.store.read() as conn:
        return [
            {**row, "recorded_at": at.isoformat()}
            for row in await bindings.segments(conn)
            if isinstance(at := row["recorded_at"], datetime)
        ]


def _check_asked(office: Office, fact: str) -> None:
    """Nobody shall believe to be protected by a list that no rule asks for."""
    if fact not in rule_book(office.settings.policy).facts:
        raise Refused(f'no rule asks for {fact}, so it would stop nothing: add "misaddressed" to policy.packs')


def _read_patient(row: Mapping[str, str], key: bytes, person: str) -> Bound:
    """Raises: ValueError with what is missing or wrong, in words without the values."""
    texts = read_texts(row, COLUMNS)
    if not person or "@" in person:
        raise ValueError("patient: the id of the patient, not an address")
    if bool(texts["name"]) != bool(texts["birth_date"]):
        raise ValueError("name and birth_date: both or neither")
    days = days_of(texts["birth_date"])
    if texts["birth_date"] and len(days) != 1:
        raise ValueError("birth_date: write it as 1961-03-31")
    names = person_marks(key, texts["name"], texts["birth_date"])
    if texts["name"] and not names:
        raise ValueError("name: has fewer than two words")
    marks = names | id_marks(key, texts["patient"])
    if not marks:
        raise ValueError("patient: too short to be found in mail, and there is no name with a birth date")
    addresses = [read_address(word) for word in texts["addresses"].split()]
    if not addresses:
        raise ValueError("addresses: at least one is needed")
    return Bound(person=person, names=marks, addresses=frozenset(address_mark(key, one) for one in addresses))


def _twice(found: Sequence[Bound]) -> Iterable[tuple[int, str]]:
    seen = set[str]()
    for number, one in enumerate(found, start=1):
        if one.person in seen:
            yield number, "patient: stands there twice; put all addresses into one row"
        seen.add(one.person)


def _name(name: str) -> str:
    word = name.strip().lower()
    if not NAME.fullmatch(word) or len(word) > LONGEST_NAME:
        raise Refused(f"the name of a segment has 1 to {LONGEST_NAME} characters", USAGE)
    return word
