"""The register of patients and their addresses for operators."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from gateway.audit import registers as told
from gateway.control.register_rows import read_address, read_all, read_date, read_texts, read_word
from gateway.control.wire import Refused
from gateway.message.event import Event
from gateway.message.queue_id import new_queue_id
from gateway.store import persons
from gateway.store.consents import register_key
from gateway.store.store import Store
from policy.people import ENDS_AT_MAJORITY, Basis, Link, Person, Tie, acts

USAGE: Final = 2
COLUMNS: Final = ("patient", "address", "tie", "basis", "verified", "from", "until")
IMPORT_COLUMNS: Final = ("patient", "majority", *COLUMNS[1:])
LONGEST: Final = 200  # of the words how it was verified


async def add(store: Store, *, patient: str, majority: str, by: str) -> dict[str, Any]:
    """Record a person, or anew when a minor comes of age. Raises: Refused."""
    now = datetime.now(UTC)
    try:
        new = Person(
            id=_key(store, patient), majority_at=read_date(majority, "majority"), recorded_by=by, recorded_at=now
        )
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    await persons.put(store, new, events=[told.person_recorded(new, at=now)])
    return {"id": new.id, "majority_at": new.majority_at and new.majority_at.isoformat()}


async def link(store: Store, *, row: Mapping[str, str], by: str) -> dict[str, Any]:
    """Record who is reached at an address. row: `COLUMNS`. Raises: Refused with what is wrong with it."""
    now = datetime.now(UTC)
    try:
        new = _read(partial(_key, store), row, by=by, now=now)
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    if await persons.link(store, [new], events=[told.link_recorded(new, at=now)]):
        raise Refused("this patient is not on the register; `mailward person add` comes first")
    return {"id": new.id, "person": new.person, "address": new.address}


async def import_rows(
    store: Store, *, rows: Sequence[Mapping[str, str]], by: str, is_rehearsal: bool
) -> dict[str, Any]:
    """Record persons and links, all or none. rows: `IMPORT_COLUMNS`. is_rehearsal: none in any case.

    Returns: `count` of rows, and `faults` by row number.
    """
    now = datetime.now(UTC)
    async with store.read() as conn:
        known, standing = await persons.everybody(conn), await persons.listing(conn)
    intake = Intake(partial(_key, store), by, now, known, [one for one, _ in standing])
    read = await asyncio.to_thread(read_all, rows, intake.read)  # 0.1 ms a row
    if not read.faults and not is_rehearsal:
        said = await asyncio.to_thread(intake.events)
        await persons.enrol(store, list(intake.people.values()), intake.links, events=said)
    return {"count": len(read.entries), "faults": [list(fault) for fault in read.faults]}


async def unlink(store: Store, *, link_id: str, by: str, why: str) -> None:
    """End a link now. Raises: Refused when there is none, or it has ended."""
    now = datetime.now(UTC)
    if not await persons.end(store, link_id, at=now, events=[told.link_ended(at=now, link_id=link_id, by=by, why=why)]):
        raise Refused(f"there is no link {link_id}, or it has ended")


async def resume(store: Store, *, link_id: str, by: str, why: str) -> None:
    """A link that a bounce suspended counts again. Raises: Refused when it is not suspended."""
    event = told.link_resumed(at=datetime.now(UTC), link_id=link_id, by=by, why=why)
    if not await persons.resume(store, link_id, events=[event]):
        raise Refused(f"there is no link {link_id} that a bounce suspended")


async def listing(store: Store, *, patient: str = "") -> list[dict[str, Any]]:
    """All links, or those of one patient, oldest first."""
    now = datetime.now(UTC)
    async with store.read() as conn:
        found = await persons.listing(conn, person=register_key(store.vault, patient))
    return [
        {
            "id": one.id,
            "person": one.person,
            "address": one.address,
            "tie": one.tie.value,
            "basis": "" if one.basis is None else one.basis.value,
            "verified": one.verified,
            "counts": acts(one, person, now),
            "from_at": one.from_at.isoformat(),
            "until_at": one.until_at and one.until_at.isoformat(),
            "majority_at": person.majority_at and person.majority_at.isoformat(),
            "suspended_at": one.suspended_at and one.suspended_at.isoformat(),
            "ended_at": one.ended_at and one.ended_at.isoformat(),
            "recorded_by": one.recorded_by,
        }
        for one, person in found
    ]


class Intake:
    """Rows of a file, each read with what the register and the rows before it say. Pure.

    known: persons of the register by id; standing: its links. people, links: what is to be written.
    """

    def __init__(
        self, key: Callable[[str], str], by: str, now: datetime, known: Mapping[str, Person], standing: Sequence[Link]
    ) -> None:
        self._key, self._by, self._now, self._known = key, by, now, known
        self._taken = {_place(one): f"by link {one.id}" for one in standing if one.ended_at is None}
        self._said: dict[str, datetime | None] = {}  # when each person of the file comes of age
        self.people: dict[str, Person] = {}
        self.links: list[Link] = []

    def read(self, row: Mapping[str, str]) -> str:
        """Returns: whom it is about. Raises: ValueError with what is missing or wrong, in words."""
        texts = read_texts(row, IMPORT_COLUMNS)
        person, majority = self._key(texts["patient"]), read_date(texts["majority"], "majority")
        if person in self._said and majority != self._said[person]:
            raise ValueError("majority: another row of this patient says something else")
        link = self._link({name: texts[name] for name in COLUMNS})
        self._said[person] = majority
        if majority is not None or person not in self._known:  # nobody comes of age because a file is silent
            self.people[person] = Person(id=person, majority_at=majority, recorded_by=self._by, recorded_at=self._now)
        if link is not None:
            self._taken[_place(link)] = "by a row before it"
            self.links.append(link)
        return person

    def events(self) -> list[Event]:
        """What is to be written, for the audit log."""
        people = [told.person_recorded(one, at=self._now) for one in self.people.values()]
        return people + [told.link_recorded(one, at=self._now) for one in self.links]

    def _link(self, texts: Mapping[str, str]) -> Link | None:
        if not any(texts[name] for name in COLUMNS if name != "patient"):
            return None  # the person alone
        link = _read(self._key, texts, by=self._by, now=self._now)
        if stands := self._taken.get(_place(link)):
            raise ValueError(f"address: this patient is linked to {link.address} as {link.tie} already, {stands}")
        return link


def _place(one: Link) -> tuple[str, str, Tie]:
    return one.person, one.address, one.tie


def _key(store: Store, patient: str) -> str:
    key = register_key(store.vault, patient)
    if not key:
        raise ValueError("patient: an address, or your id of the patient")
    return key


def _read(key: Callable[[str], str], row: Mapping[str, str], *, by: str, now: datetime) -> Link:
    """Raises: ValueError with what is missing or wrong, in words."""
    texts = read_texts(row, COLUMNS)
    tie = read_word(texts["tie"], tuple(Tie), "as")
    is_representative = tie is Tie.REPRESENTATIVE
    if is_representative is not bool(texts["basis"]):
        raise ValueError("basis: why a representative may act (45 CFR 164.502(g)); of nobody else")
    begins, ends = read_date(texts["from"], "from") or now, read_date(texts["until"], "until")
    if ends is not None and ends <= begins:
        raise ValueError("until: is not after the beginning")
    basis = read_word(texts["basis"], tuple(Basis), "basis") if is_representative else None
    if is_representative and basis not in ENDS_AT_MAJORITY and ends is None and basis is not Basis.EXECUTOR:
        raise ValueError("until: the end of a power of attorney or an order of a court is needed")
    if len(texts["verified"]) > LONGEST:
        raise ValueError(f"verified: at most {LONGEST} letters")
    return Link(
        id=new_queue_id(),
        person=key(texts["patient"]),
        address=read_address(texts["address"]),
        tie=tie,
        basis=basis,
        verified=texts["verified"],
        from_at=begins,
        until_at=ends,
        recorded_by=by,
        recorded_at=now,
    )
