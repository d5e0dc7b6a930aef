"""Addresses that bulk mail does not go to: because they do not exist, or because somebody said so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.register_tables import consent
from gateway.store.register_tables import suppression as table
from gateway.store.rows import REPLY_LETTERS
from gateway.store.statements import Change, Op
from gateway.store.store import Store

ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766


_ASKED: Final = sa.select(sa.cast(sa.bindparam("b_address", type_=sa.String), sa.String).label("address")).subquery()
_OPT_OUT: Final[sa.ColumnElement[str]] = sa.literal_column("'opt-out'")  # no parameter: `Database.fetch` takes one
_TOUCHED: Final = sa.select(_ASKED.c.address).where(
    sa.or_(
        sa.exists().where(table.c.address == _ASKED.c.address),
        sa.exists().where(consent.c.patient == _ASKED.c.address, consent.c.kind == _OPT_OUT),
    )
)


class Reason(StrEnum):
    """Who put an address on the list."""

    BOUNCE = "bounce"  # its server said that there is no such mailbox
    COMMAND = "command"  # a person
    OPT_OUT = "opt-out"  # the consent register; never on this list itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """address: lower case. status: of the bounce (RFC 3463), else empty. queue_id: the message that bounced. why: a
    person's words."""

    address: str
    reason: Reason
    created_at: datetime
    status: str = ""
    queue_id: str = ""
    why: str = ""


def suppress(new: Suppression) -> Change:
    """Put an address on the list with the ending that proved it; one that is there stays as it is."""
    return Change(Op.SUPPRESS, {f"b_{name}": value for name, value in _row(new).items()})


async def add(store: Store, new: Suppression, *, events: Sequence[Event]) -> bool:
    """Put an address on the list. Returns: False, and nothing is written, when it is there already."""

    async def work(conn: AsyncConnection) -> bool:
        if (await conn.execute(sa.select(table.c.address).where(table.c.address == new.address))).first() is not None:
            return False
        await conn.execute(sa.insert(table), _row(new))
        return True

    return await store.transact(work, events=lambda is_new: events if is_new else ())


async def remove(store: Store, address: str, *, events: Sequence[Event]) -> bool:
    """Take it off again. Returns: whether it was on it."""

    async def work(conn: AsyncConnection) -> bool:
        return (await conn.execute(sa.delete(table).where(table.c.address == address))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def everything(conn: AsyncConnection) -> tuple[Suppression, ...]:
    """The whole list, by address."""
    rows = (await conn.execute(sa.select(table).order_by(table.c.address))).mappings()
    return tuple(_read(row) for row in rows)


async def among(conn: AsyncConnection, addresses: Collection[str]) -> Mapping[str, Suppression]:
    """Those of the addresses, in lower case, that are on the list."""
    asked, found = sorted(set(addresses)), dict[str, Suppression]()
    for start in range(0, len(asked), ASKED_AT_ONCE):
        some = sa.select(table).where(table.c.address.in_(asked[start : start + ASKED_AT_ONCE]))
        found |= {row["address"]: _read(row) for row in (await conn.execute(some)).mappings()}
    return found


async def touched(store: Store, addresses: Collection[str]) -> frozenset[str]:
    """Those of the addresses, in lower case, that are on the list or ever opted out of anything: in one hop, for many.

    Raises: StoreSick, and what the database says of a table that it cannot read.
    """
    rows = await store.fetch(_TOUCHED, [{"b_address": one} for one in dict.fromkeys(addresses)])
    return frozenset(address for (address,) in rows)


def _row(new: Suppression) -> dict[str, object]:
    return {
        "address": new.address,
        "reason": new.reason.value,
        "status": new.status,
        "queue_id": new.queue_id,
        "why": new.why[:REPLY_LETTERS],
        "created_at": new.created_at,
    }


def _read(row: sa.RowMapping) -> Suppression:
    return Suppression(**(dict(row) | {"reason": Reason(row["reason"])}))
