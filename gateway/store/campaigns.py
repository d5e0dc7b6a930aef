"""The register of campaigns and studies. What was reviewed never changes: another text is another campaign."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.kept import Kept, Readable
from gateway.store.register_tables import campaign as table
from gateway.store.store import Store
from policy.campaign import About, Audience, Basis, Campaign, Payment

ENUMS = {"about": About, "payment": Payment, "audience": Audience, "basis": Basis}


async def add(store: Store, new: Sequence[Campaign], *, events: Sequence[Event]) -> str:
    """Record campaigns, all or none. Returns: a name that was ever used, and nothing is written; else empty."""

    async def work(conn: AsyncConnection) -> str:
        for one in new:
            if (await conn.execute(sa.select(table.c.name).where(table.c.name == one.name))).first() is not None:
                return one.name
        for one in new:
            await conn.execute(sa.insert(table), _row(one))
        return ""

    return await store.transact(work, events=lambda taken: () if taken else events)


async def end(store: Store, name: str, *, at: datetime, events: Sequence[Event]) -> bool:
    """End one now. Returns: False when there is none, or it has ended."""

    async def work(conn: AsyncConnection) -> bool:
        standing = (table.c.name == name) & table.c.ended_at.is_(None)
        return (await conn.execute(sa.update(table).where(standing).values(ended_at=at))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def everything(conn: AsyncConnection) -> tuple[Campaign, ...]:
    """All of them, by name."""
    rows = (await conn.execute(sa.select(table).order_by(table.c.name))).mappings()
    return tuple(_read(row) for row in rows)


async def by_name(conn: AsyncConnection) -> Mapping[str, Campaign]:
    return {one.name: one for one in await everything(conn)}


class Campaigns(Kept[Mapping[str, Campaign]]):
    """The same, kept in memory."""

    def __init__(self, store: Readable) -> None:
        super().__init__(store, by_name)


def _row(one: Campaign) -> dict[str, object]:
    row = {column.name: getattr(one, column.name) for column in table.columns}
    words = {name: row[name].value for name in ENUMS}
    return row | words | {"recipients": msgspec.json.encode(one.recipients).decode()}


def _read(row: sa.RowMapping) -> Campaign:
    words = {name: enum(row[name]) for name, enum in ENUMS.items()}
    recipients = msgspec.json.decode(row["recipients"], type=tuple[str, ...])
    return Campaign(**(dict(row) | words | {"recipients": recipients}))
