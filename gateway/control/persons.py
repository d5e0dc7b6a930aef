"""The register of patients and their addresses for operators."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import registers as told
from gateway.control.register_rows import read_address, read_date, read_texts, read_word
from gateway.control.wire import Refused
from gateway.message.queue_id import new_queue_id
from gateway.store import persons
from gateway.store.consents import patient_key
from gateway.store.store import Store
from policy.people import ENDS_AT_MAJORITY, Basis, Link, Person, Tie, acts

USAGE: Final = 2
COLUMNS: Final = ("patient", "address", "tie", "basis", "verified", "from", "until")
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
        new = _read(store, row, by=by, now=now)
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    if await persons.link(store, [new], events=[told.link_recorded(new, at=now)]):
        raise Refused("this patient is not on the register; `mailward person add` comes first")
    return {"id": new.id, "person": new.person, "address": new.address}


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
        found = await persons.listing(conn, person=patient_key(store.vault, patient))
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


def _key(store: Store, patient: str) -> str:
    key = patient_key(store.vault, patient)
    if not key:
        raise ValueError("patient: an address, or your id of the patient")
    return key


def _read(store: Store, row: Mapping[str, str], *, by: str, now: datetime) -> Link:
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
        person=_key(store, texts["patient"]),
        address=read_address(texts["address"]),
        tie=tie,
        basis=basis,
        verified=texts["verified"],
        from_at=begins,
        until_at=ends,
        recorded_by=by,
        recorded_at=now,
    )
