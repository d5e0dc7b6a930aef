"""Logins whose mail is held because they sent too much, and what a login sent.

A login here is also the address, in lower case, of a sender behind a relay listener, where nobody signs in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState, MessageKind
from gateway.message.event import Event
from gateway.store.kept import Kept
from gateway.store.store import Store
from gateway.store.tables import brake as table
from gateway.store.tables import entry, message
from policy.brake import Reason

SENT_LIMIT: Final = 50_000  # recipients in one answer; also more than any hour's limits
ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A brake that was put on. released_at: None while it holds; what was sent before is not counted afterwards."""

    login: str
    reason: Reason
    engaged_at: datetime
    released_at: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.released_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One recipient of one message that a login handed in."""

    queue_id: str
    received_at: datetime
    sender: str
    recipient: str
    state: EntryState
    protected: bool


async def everything(conn: AsyncConnection) -> tuple[Standing, ...]:
    rows = (await conn.execute(sa.select(table).order_by(table.c.login))).mappings()
    return tuple(Standing(**(dict(row) | {"reason": Reason(row["reason"])})) for row in rows)


async def _by_login(conn: AsyncConnection) -> Mapping[str, Standing]:
    return {one.login: one for one in await everything(conn)}


class Standings(Kept[Mapping[str, Standing]]):
    """All brakes of an open store, by login."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, _by_login)


async def engage(store: Store, new: Standing, *, events: Sequence[Event]) -> bool:
    """Put the brake on. Returns: False, and nothing is written, when it is on already."""

    async def work(conn: AsyncConnection) -> bool:
        holds = (table.c.login == new.login, table.c.released_at.is_(None))
        if (await conn.execute(sa.select(table.c.login).where(*holds))).first() is not None:
            return False
        await conn.execute(sa.delete(table).where(table.c.login == new.login))
        await conn.execute(
            sa.insert(table), {"login": new.login, "reason": new.reason.value, "engaged_at": new.engaged_at}
        )
        return True

    return await store.transact(work, events=lambda is_new: events if is_new else ())


async def release(store: Store, login: str, *, at: datetime, events: Sequence[Event]) -> bool:
    """Take it off. Returns: whether it was on."""

    async def work(conn: AsyncConnection) -> bool:
        holds = (table.c.login == login, table.c.released_at.is_(None))
        return (await conn.execute(sa.update(table).where(*holds).values(released_at=at))).rowcount > 0

    return await store.transact(work, events=lambda was_on: events if was_on else ())


async def sent(conn: AsyncConnection, login: str, *, since: datetime) -> tuple[Sent, ...]:
    """What a login handed in after a time, in order; at most SENT_LIMIT, the oldest."""
    columns = (
        message.c.id.label("queue_id"), message.c.received_at, message.c.sender, entry.c.recipient, entry.c.state,
        entry.c.protected,
    )  # fmt: skip
    statement = (
        sa.select(*columns)
        .join_from(message, entry, entry.c.queue_id == message.c.id)
        .where(_handed_in_by(login), message.c.received_at > since, message.c.kind == MessageKind.MAIL.value)
        .order_by(message.c.received_at, message.c.id)
        .limit(SENT_LIMIT)
    )
    rows = (await conn.execute(statement)).mappings()
    return tuple(Sent(**(dict(row) | {"state": EntryState(row["state"])})) for row in rows)


async def held_since(conn: AsyncConnection, login: str, *, since: datetime) -> tuple[str, ...]:
    """Queue ids of what a brake holds, in order: held although there is a way, and come at that time or later."""
    waits = (entry.c.state == EntryState.HELD.value, entry.c.methods != "")
    statement = (
        sa.select(message.c.id)
        .distinct()
        .join_from(message, entry, entry.c.queue_id == message.c.id)
        .where(_handed_in_by(login), message.c.received_at >= since, *waits)
        .order_by(message.c.id)
    )
    return tuple((await conn.execute(statement)).scalars())


async def known(conn: AsyncConnection, login: str, recipients: Sequence[str], *, before: datetime) -> Collection[str]:
    """Those of the recipients, in lower case, that a login wrote to before a time."""
    found: set[str] = set()
    for start in range(0, len(recipients), ASKED_AT_ONCE):
        some = recipients[start : start + ASKED_AT_ONCE]
        statement = (
            sa.select(sa.func.lower(entry.c.recipient))
            .distinct()
            .join_from(message, entry, entry.c.queue_id == message.c.id)
            .where(message.c.login == login, message.c.received_at <= before)
            .where(sa.func.lower(entry.c.recipient).in_(some))
        )
        found.update((await conn.execute(statement)).scalars())
    return found


def _handed_in_by(login: str) -> sa.ColumnElement[bool]:
    """Both arms stand on the index of login and time; the second reads all relayed mail of that time."""
    relayed = sa.and_(message.c.login == "", sa.func.lower(message.c.sender) == login)
    return sa.or_(message.c.login == login, relayed)
