"""The register of organisations: business associates with their agreements, and those that need none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.kept import Kept, Readable
from gateway.store.register_tables import organisation as table
from gateway.store.register_tables import organisation_domain as domains
from gateway.store.store import Store
from policy.baa import Organisation, Relation


async def add(store: Store, new: Sequence[Organisation], *, renews: bool, events: Sequence[Event]) -> str:
    """Record organisations, all or none.

    renews: those that are on the register already are replaced; otherwise only when their agreement was ended.
    Returns: empty; or what stands in the way, and nothing is written: a name that is taken, or a domain of another one.
    """

    async def work(conn: AsyncConnection) -> str:
        for one in new:
            if obstacle := await _obstacle(conn, one, renews=renews):
                raise _InTheWay(obstacle)
            await conn.execute(sa.delete(domains).where(domains.c.organisation == one.name))
            await conn.execute(sa.delete(table).where(table.c.name == one.name))
            await conn.execute(sa.insert(table), _row(one))
            for domain in one.domains:
                await conn.execute(sa.insert(domains), {"domain": domain, "organisation": one.name})
        return ""

    try:
        return await store.transact(work, events=lambda _: events)
    except _InTheWay as obstacle:
        return str(obstacle)


async def end(store: Store, name: str, *, at: datetime, events: Sequence[Event]) -> bool:
    """End an agreement now; the organisation stays on the register. Returns: False when there is none, or it has."""

    async def work(conn: AsyncConnection) -> bool:
        standing = (table.c.name == name) & table.c.ended_at.is_(None)
        return (await conn.execute(sa.update(table).where(standing).values(ended_at=at))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def everything(conn: AsyncConnection) -> tuple[Organisation, ...]:
    """All organisations, by name."""
    of: dict[str, list[str]] = {}
    for row in (await conn.execute(sa.select(domains).order_by(domains.c.domain))).mappings():
        of.setdefault(row["organisation"], []).append(row["domain"])
    rows = (await conn.execute(sa.select(table).order_by(table.c.name))).mappings()
    return tuple(replace(_read(row), domains=tuple(of.get(row["name"], ()))) for row in rows)


async def by_domain(conn: AsyncConnection) -> Mapping[str, Organisation]:
    """The same, by each of their domains."""
    return {domain: one for one in await everything(conn) for domain in one.domains}


class Organisations(Kept[Mapping[str, Organisation]]):
    """The same, kept in memory."""

    def __init__(self, store: Readable) -> None:
        super().__init__(store, by_domain)


class _InTheWay(Exception):
    """Undoes the transaction."""


async def _obstacle(conn: AsyncConnection, one: Organisation, *, renews: bool) -> str:
    known = (await conn.execute(sa.select(table.c.ended_at).where(table.c.name == one.name))).first()
    if known is not None and known.ended_at is None and not renews:
        return f"{one.name} is on the register already"
    others = domains.c.domain.in_(one.domains) & (domains.c.organisation != one.name)
    taken = (await conn.execute(sa.select(domains).where(others).order_by(domains.c.domain))).mappings().first()
    return "" if taken is None else f"{taken['domain']} belongs to {taken['organisation']}"


def _row(one: Organisation) -> dict[str, object]:
    row = {column.name: getattr(one, column.name) for column in table.columns}
    return row | {"relation": one.relation.value, "purposes": msgspec.json.encode(one.purposes).decode()}


def _read(row: sa.RowMapping) -> Organisation:
    changed = {
        "relation": Relation(row["relation"]),
        "purposes": msgspec.json.decode(row["purposes"], type=tuple[str, ...]),
        "domains": (),
    }
    return Organisation(**(dict(row) | changed))
