"""The register of patients with their addresses. Links are ended, never deleted: they are evidence."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.register_tables import individual, person_link
from gateway.store.statements import Change, Op
from gateway.store.store import Store
from policy.people import Basis, Link, People, Person, Tie

ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766
_RENEW: Final = sa.update(individual).where(individual.c.id == sa.bindparam("known_id"))


async def put(store: Store, new: Person, *, events: Sequence[Event]) -> None:
    """Record a person, or when one that is known comes of age."""

    await enrol(store, [new], (), events=events)


async def enrol(store: Store, people: Sequence[Person], links: Sequence[Link], *, events: Sequence[Event]) -> None:
    """Record persons, as `put` does, and links of persons that are on the register by then: all of them or none."""

    async def work(conn: AsyncConnection) -> None:
        known = await _known(conn, [one.id for one in people])
        if renewed := [_values(one) | {"known_id": one.id} for one in people if one.id in known]:
            await conn.execute(_RENEW, renewed)
        if new := [_values(one) for one in people if one.id not in known]:
            await conn.execute(sa.insert(individual), new)
        if links:  # a statement for each would keep mail from being stored for half a minute
            await conn.execute(sa.insert(person_link), [_row(one) for one in links])

    await store.transact(work, events=lambda _: events)


async def link(store: Store, new: Sequence[Link], *, events: Sequence[Event]) -> str:
    """Record links, all or none. Returns: a person that is not on the register, and nothing is written; else empty."""

    async def work(conn: AsyncConnection) -> str:
        for one in new:
            known = await conn.execute(sa.select(individual.c.id).where(individual.c.id == one.person))
            if known.first() is None:
                return one.person
        for one in new:
            await conn.execute(sa.insert(person_link), _row(one))
        return ""

    return await store.transact(work, events=lambda missing: () if missing else events)


async def end(store: Store, link_id: str, *, at: datetime, events: Sequence[Event]) -> bool:
    """End a link now. Returns: False when there is none, or it has ended."""
    return await _set(store, (person_link.c.id == link_id) & person_link.c.ended_at.is_(None), events, ended_at=at)


async def resume(store: Store, link_id: str, *, events: Sequence[Event]) -> bool:
    """Somebody verified that the address works. Returns: False when the link was not suspended."""
    return await _set(
        store, (person_link.c.id == link_id) & person_link.c.suspended_at.is_not(None), events, suspended_at=None
    )


def suspend(address: str, *, at: datetime) -> Change:
    """Mail to an address bounced for good: its links count no longer, until somebody looks at them."""
    return Change(Op.SUSPEND_LINKS, {"b_address": address.lower(), "b_at": at})


async def around(conn: AsyncConnection, addresses: Collection[str], *, patient: str = "") -> People:
    """What the register has of these addresses, in lower case, and of a patient; `NOBODY` alone when it is empty."""
    if (await conn.execute(sa.select(person_link.c.id).limit(1))).first() is None:
        return People({}, {})
    links: dict[str, tuple[Link, ...]] = {"": ()}  # so that it does not look empty
    asked = sorted({*addresses, *({patient} if "@" in patient else ())})
    for start in range(0, len(asked), ASKED_AT_ONCE):
        some = sa.select(person_link).where(person_link.c.address.in_(asked[start : start + ASKED_AT_ONCE]))
        for row in (await conn.execute(some)).mappings():
            links[row["address"]] = (*links.get(row["address"], ()), _read(row))
    if patient:
        for row in (await conn.execute(sa.select(person_link).where(person_link.c.person == patient))).mappings():
            if row["address"] not in asked:
                links[row["address"]] = (*links.get(row["address"], ()), _read(row))
    ids = sorted({one.person for found in links.values() for one in found} | {patient})
    persons: dict[str, Person] = {}
    for start in range(0, len(ids), ASKED_AT_ONCE):
        chosen = sa.select(individual).where(individual.c.id.in_(ids[start : start + ASKED_AT_ONCE]))
        for row in (await conn.execute(chosen)).mappings():
            persons[row["id"]] = Person(**row)
    return People(persons, links)


async def everybody(conn: AsyncConnection) -> dict[str, Person]:
    """All persons, by id."""
    return {row["id"]: Person(**row) for row in (await conn.execute(sa.select(individual))).mappings()}


async def listing(conn: AsyncConnection, *, person: str = "") -> tuple[tuple[Link, Person], ...]:
    """All links with their persons, or those of one, oldest first."""
    query = sa.select(person_link).order_by(person_link.c.recorded_at, person_link.c.id)
    if person:
        query = query.where(person_link.c.person == person)
    persons = await everybody(conn)
    found = [_read(row) for row in (await conn.execute(query)).mappings()]
    return tuple((one, persons[one.person]) for one in found)


async def _set(store: Store, which: sa.ColumnElement[bool], events: Sequence[Event], **values: datetime | None) -> bool:
    async def work(conn: AsyncConnection) -> bool:
        return (await conn.execute(sa.update(person_link).where(which).values(**values))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def _known(conn: AsyncConnection, ids: Sequence[str]) -> frozenset[str]:
    found = set[str]()
    for start in range(0, len(ids), ASKED_AT_ONCE):
        some = sa.select(individual.c.id).where(individual.c.id.in_(ids[start : start + ASKED_AT_ONCE]))
        found |= set((await conn.execute(some)).scalars())
    return frozenset(found)


def _values(one: Person) -> dict[str, object]:
    return {column.name: getattr(one, column.name) for column in individual.columns}


def _row(one: Link) -> dict[str, object]:
    row = {column.name: getattr(one, column.name) for column in person_link.columns}
    return row | {"tie": one.tie.value, "basis": "" if one.basis is None else one.basis.value}


def _read(row: sa.RowMapping) -> Link:
    return Link(**(dict(row) | {"tie": Tie(row["tie"]), "basis": Basis(row["basis"]) if row["basis"] else None}))
