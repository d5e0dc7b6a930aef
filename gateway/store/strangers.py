"""Domains that get protected mail and are on no register: for a person to review."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import MessageKind
from gateway.store import organisations
from gateway.store.schema import UtcMicros
from gateway.store.tables import entry
from policy import baa

MOST: Final = 1000  # domains that one list shows


@dataclass(frozen=True, slots=True)
class Stranger:
    """copies: recipients' copies since the time that was asked for, whatever became of them."""

    domain: str
    copies: int
    first_at: datetime
    last_at: datetime


async def strangers(conn: AsyncConnection, *, since: datetime, ours: Collection[str]) -> tuple[Stranger, ...]:
    """The most frequent first. ours: our own domains, in lower case."""
    register = await organisations.by_domain(conn)
    name = sa.func.lower(entry.c.domain).label("name")
    query = (
        sa.select(
            name,
            sa.func.count().label("copies"),
            sa.func.min(entry.c.queued_at, type_=UtcMicros).label("first_at"),
            sa.func.max(entry.c.queued_at, type_=UtcMicros).label("last_at"),
        )
        .where(entry.c.protected.is_(True), entry.c.kind == MessageKind.MAIL.value, entry.c.queued_at >= since)
        .group_by(name)
        .order_by(sa.func.count().desc(), name)
    )
    found = (await conn.execute(query)).all()
    unknown = [row for row in found if row.name not in ours and baa.find(register, row.name) is None]
    return tuple(Stranger(row.name, row.copies, row.first_at, row.last_at) for row in unknown[:MOST])
