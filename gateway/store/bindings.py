"""The index of known patients and their addresses, and the lists of recipients (segments) that bulk mail may name.

Only keyed hashes are kept: without the master key nobody can tell who is on them. Who is forgotten is gone from the
file as well, for SQLite zeroes what it frees (`secure_delete`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.register_tables import bound_patient, patient_mark, segment, segment_member
from gateway.store.store import Store
from gateway.store.vault import Vault

AT_ONCE: Final = 500  # values in one statement
PURPOSE: Final = "binding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One patient. person: `gateway.store.consents.patient_key`. names, addresses: marks of `policy.phi.persons`."""

    person: str
    names: frozenset[str] = field(repr=False)
    addresses: frozenset[str] = field(repr=False)


def persons_key(vault: Vault) -> bytes:
    """The key of all marks."""
    return vault.hash_key(PURPOSE)


async def bind(store: Store, patients: Sequence[Bound], *, at: datetime, events: Sequence[Event]) -> None:
    """Put patients on the index, all or none; one who is on it already is replaced."""
    people = [one.person for one in patients]
    marks = [
        {"person": one.person, "mark": mark, "is_address": is_address}
        for one in patients
        for is_address, found in ((False, one.names), (True, one.addresses))
        for mark in sorted(found)
    ]

    async def work(conn: AsyncConnection) -> None:
        await _forget(conn, people)
        await conn.execute(sa.insert(bound_patient), [{"person": person, "recorded_at": at} for person in people])
        await conn.execute(sa.insert(patient_mark), marks)

    await store.transact(work, events=lambda _: events)


async def forget(store: Store, person: str, *, events: Sequence[Event]) -> bool:
    """Take a patient off the index. Returns: whether he was on it."""

    async def work(conn: AsyncConnection) -> bool:
        return await _forget(conn, [person]) > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def patients(conn: AsyncConnection) -> int:
    """How many are on the index."""
    return (await conn.execute(sa.select(sa.func.count()).select_from(bound_patient))).scalar_one()


async def is_bound(conn: AsyncConnection, person: str) -> bool:
    """Whether a patient is on the index."""
    found = await conn.execute(sa.select(bound_patient.c.person).where(bound_patient.c.person == person))
    return found.first() is not None


async def people_of(conn: AsyncConnection, marks: Collection[str], *, addresses: bool) -> Mapping[str, frozenset[str]]:
    """Whom each of these marks can mean; those that mean nobody are not there."""
    found = dict[str, set[str]]()
    for some in _batches(sorted(marks)):
        query = sa.select(patient_mark.c.mark, patient_mark.c.person).where(
            patient_mark.c.mark.in_(some), patient_mark.c.is_address.is_(addresses)
        )
        for row in await conn.execute(query):
            found.setdefault(row.mark, set()).add(row.person)
    return {mark: frozenset(people) for mark, people in found.items()}


async def fill(
    store: Store, name: str, members: Collection[str], *, at: datetime, by: str, events: Sequence[Event]
) -> None:
    """Make a segment, or replace the one of that name. members: marks of addresses."""

    async def work(conn: AsyncConnection) -> None:
        await _drop(conn, name)
        await conn.execute(sa.insert(segment), {"name": name, "recorded_at": at, "recorded_by": by})
        await conn.execute(sa.insert(segment_member), [{"name": name, "mark": mark} for mark in sorted(members)])

    await store.transact(work, events=lambda _: events)


async def drop(store: Store, name: str, *, events: Sequence[Event]) -> bool:
    """Forget a segment. Returns: whether there was one."""

    async def work(conn: AsyncConnection) -> bool:
        return await _drop(conn, name)

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def segments(conn: AsyncConnection) -> tuple[Mapping[str, object], ...]:
    """Each with its `name`, `members` (how many), `recorded_at` and `recorded_by`."""
    count = sa.func.count(segment_member.c.mark).label("members")
    query = (
        sa.select(segment.c.name, count, segment.c.recorded_at, segment.c.recorded_by)
        .outerjoin(segment_member, segment_member.c.name == segment.c.name)
        .group_by(segment.c.name, segment.c.recorded_at, segment.c.recorded_by)
        .order_by(segment.c.name)
    )
    return tuple(dict(row) for row in (await conn.execute(query)).mappings())


async def members(conn: AsyncConnection, name: str, marks: Collection[str]) -> frozenset[str]:
    """Those of the marks that are on a segment; none where there is no such segment."""
    found = set[str]()
    for some in _batches(sorted(marks)):
        query = sa.select(segment_member.c.mark).where(segment_member.c.name == name, segment_member.c.mark.in_(some))
        found.update((await conn.execute(query)).scalars())
    return frozenset(found)


async def _forget(conn: AsyncConnection, people: Sequence[str]) -> int:
    gone = 0
    for some in _batches(people):
        await conn.execute(sa.delete(patient_mark).where(patient_mark.c.person.in_(some)))
        gone += (await conn.execute(sa.delete(bound_patient).where(bound_patient.c.person.in_(some)))).rowcount
    return gone


async def _drop(conn: AsyncConnection, name: str) -> bool:
    await conn.execute(sa.delete(segment_member).where(segment_member.c.name == name))
    return (await conn.execute(sa.delete(segment).where(segment.c.name == name))).rowcount > 0


def _batches(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
