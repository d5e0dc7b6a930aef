"""What became of the TLS report of each day and domain (RFC 8460): what is still to be sent, and what the end was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.store import Store
from gateway.store.tables import tls_report as table
from gateway.store.tables import tls_session


class Fate(StrEnum):
    """Where a report stands; the last three are ends."""

    WAITS = "waits"  # for its next try
    SENT = "sent"  # to one address at least
    UNWANTED = "unwanted"  # the domain asks for none
    DROPPED = "dropped"  # no address took it within a day


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """left: addresses that have not taken it; None: DNS has not told them yet. taken: how many have."""

    day: date
    domain: str
    fate: Fate
    tries: int
    taken: int
    next_at: datetime
    left: tuple[str, ...] | None = None


async def unreported(
    conn: AsyncConnection, first: date, last: date, *, now: datetime
) -> Sequence[tuple[date, str, ReportState | None]]:
    """Days and domains with counts whose report has no end and may be tried now; with where it stands, if it began."""
    counted = (
        sa.select(tls_session.c.day, tls_session.c.domain)
        .distinct()
        .where(tls_session.c.day >= first.isoformat(), tls_session.c.day <= last.isoformat())
        .subquery()
    )
    same = sa.and_(table.c.day == counted.c.day, table.c.domain == counted.c.domain)
    is_open = sa.and_(table.c.fate == Fate.WAITS.value, table.c.next_at <= now)
    statement = (
        sa.select(counted.c.day, counted.c.domain, *table.c[2:])
        .join_from(counted, table, same, isouter=True)
        .where(sa.or_(table.c.fate.is_(None), is_open))
        .order_by(counted.c.day, counted.c.domain)
    )
    return [
        (date.fromisoformat(row["day"]), row["domain"], None if row["fate"] is None else _read(row))
        for row in (await conn.execute(statement)).mappings()
    ]


async def since(conn: AsyncConnection, first: date, domain: str = "") -> Sequence[ReportState]:
    """Reports of days from this one on, by day and domain."""
    statement = sa.select(table).where(table.c.day >= first.isoformat()).order_by(table.c.day, table.c.domain)
    if domain:
        statement = statement.where(table.c.domain == domain)
    return [_read(row) for row in (await conn.execute(statement)).mappings()]


async def save(store: Store, state: ReportState) -> None:
    """Write where a report stands. Raises: StoreError."""
    key = (table.c.day == state.day.isoformat(), table.c.domain == state.domain)
    values = {
        "fate": state.fate.value,
        "tries": state.tries,
        "taken": state.taken,
        "next_at": state.next_at,
        "targets": msgspec.json.encode(state.left).decode(),
    }

    async def work(conn: AsyncConnection) -> None:
        if (await conn.execute(sa.update(table).where(*key).values(values))).rowcount == 0:
            await conn.execute(sa.insert(table), {"day": state.day.isoformat(), "domain": state.domain, **values})

    await store.transact(work)


def _read(row: sa.RowMapping) -> ReportState:
    return ReportState(
        day=date.fromisoformat(row["day"]),
        domain=row["domain"],
        fate=Fate(row["fate"]),
        tries=row["tries"],
        taken=row["taken"],
        next_at=row["next_at"],
        left=msgspec.json.decode(row["targets"], type=tuple[str, ...] | None),
    )
