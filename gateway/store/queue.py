"""The queue: claiming entries that are due, looking at them, and reading their sealed content."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.store.content import BODY, REPORT, open_part
from gateway.store.errors import ContentGone, DamagedContent
from gateway.store.filter import LIST_LIMIT as LIST_LIMIT
from gateway.store.filter import UNFINISHED as UNFINISHED
from gateway.store.filter import Filter as Filter
from gateway.store.filter import every
from gateway.store.rows import read_entry, renew_lease
from gateway.store.schema import UtcMicros
from gateway.store.statements import Unit
from gateway.store.store import THREAD_ABOVE_BYTES, Store
from gateway.store.tables import content, entry, message

_is_unfinished: Final = entry.c.state.in_([state.value for state in UNFINISHED])
_NOW: Final = sa.bindparam("b_now", type_=UtcMicros)
# Of one urgency, so that the index gives them in their order: else every claim would sort all that is due.
DUE: Final = (
    sa.select(entry.c.id)
    .where(
        entry.c.state == EntryState.QUEUED.value,
        entry.c.urgent == sa.bindparam("b_urgent", type_=sa.Boolean),
        entry.c.next_attempt_at <= _NOW,
        sa.or_(entry.c.lease_until.is_(None), entry.c.lease_until <= _NOW),
        entry.c.domain.not_in(sa.bindparam("b_but_for", expanding=True)),
    )
    .order_by(entry.c.next_attempt_at)
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)
# What another process is claiming at this moment is passed over. A CTE that locks rows is evaluated once, where a
# subquery may be evaluated again and lock more than its limit. SQLite has neither other processes nor row locks.
_taken: Final = DUE.with_for_update(skip_locked=True).cte("due")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """What is known of a message without opening it. is_sealed: the content is still there."""

    id: str
    kind: MessageKind
    sender: str
    login: str
    envid: str
    ret: str
    about_id: str
    size: int
    received_at: datetime
    is_sealed: bool


async def claim(
    store: Store, *, owner: str, now: datetime, lease: timedelta, limit: int, but_for: Collection[str] = ()
) -> tuple[QueueEntry, ...]:
    """Lease up to limit entries that are due and free, urgent ones first, oldest first.

    but_for: recipients' domains that are left alone.
    One transaction on the writing connection: each entry has one holder (QD-15).
    """
    taking = (
        sa.update(entry)
        .where(entry.c.id.in_(sa.select(_taken.c.id)))
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*entry.c)
    )  # fmt: skip

    async def work(conn: AsyncConnection) -> tuple[QueueEntry, ...]:
        return await _of_both(conn, taking, now=now, limit=limit, but_for=but_for)

    return await store.transact(work, is_register=False)


async def take(
    store: Store, ids: Collection[str], *, states: Collection[EntryState], owner: str, now: datetime, lease: timedelta
) -> tuple[QueueEntry, ...]:
    """Lease these entries, as far as they are in one of the states and free, to whoever changes them by hand.

    owner: whose present lease counts as free. Returns: those that nobody else works on until the lease is over, in the
    order of their arrival.
    """
    taking = (
        sa.update(entry)
        .where(
            _holds(Filter(ids=ids, states=states)),
            sa.or_(entry.c.lease_until.is_(None), entry.c.lease_until <= now, entry.c.lease_owner == owner),
        )
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*entry.c)
    )

    async def work(conn: AsyncConnection) -> tuple[QueueEntry, ...]:
        return tuple(read_entry(row) for row in (await conn.execute(taking)).mappings().all())

    return tuple(sorted(await store.transact(work, is_register=False), key=lambda one: one.id))


async def renew(store: Store, entry_ids: Collection[str], *, owner: str, until: datetime) -> None:
    """Hold entries longer; those whose lease has passed to another owner stay with it."""
    await store.commit(Unit(changes=tuple(renew_lease(one, owner=owner, until=until) for one in entry_ids)))


async def hurry(store: Store, *, now: datetime, which: Filter | None = None) -> int:
    """Make due what waits for a later attempt; leases stay with their holders. Returns: how many entries."""
    more = () if which is None else (_holds(which),)
    waits = (entry.c.state == EntryState.QUEUED.value, entry.c.next_attempt_at > now, *more)
    hurrying = sa.update(entry).where(*waits).values(next_attempt_at=now)

    async def work(conn: AsyncConnection) -> int:
        return (await conn.execute(hurrying)).rowcount

    return await store.transact(work, is_register=False)


async def due(
    conn: AsyncConnection, *, now: datetime, limit: int, but_for: Collection[str] = ()
) -> tuple[QueueEntry, ...]:
    """What `claim` would take, without taking it."""
    return await _of_both(conn, sa.select(entry).where(entry.c.id.in_(DUE)), now=now, limit=limit, but_for=but_for)


async def _of_both(
    conn: AsyncConnection, statement: sa.Executable, *, now: datetime, limit: int, but_for: Collection[str]
) -> tuple[QueueEntry, ...]:
    """The urgent entries that a statement around `DUE` gives, then the others, together at most limit."""
    found: list[QueueEntry] = []
    for urgent in (True, False):
        values = {"b_urgent": urgent, "b_now": now, "b_limit": limit - len(found), "b_but_for": list(but_for)}
        rows = (await conn.execute(statement, values)).mappings().all() if len(found) < limit else ()
        found += sorted((read_entry(row) for row in rows), key=lambda one: (one.next_attempt_at, one.id))
    return tuple(found)


def _holds(which: Filter) -> sa.TextClause:
    """A filter as a condition."""
    clause = every(which.clauses())
    return sa.text(clause.sql).bindparams(**clause.values)


async def listing(conn: AsyncConnection, which: Filter) -> tuple[QueueEntry, ...]:
    """Entries in the order of their ids, which is that of their arrival; at most `which.limit`."""
    statement = sa.select(entry).where(entry.c.id > which.after, _holds(which))
    statement = statement.order_by(entry.c.id).limit(which.limit)
    return tuple(read_entry(row) for row in (await conn.execute(statement)).mappings())


async def one(conn: AsyncConnection, entry_id: str) -> QueueEntry | None:
    row = (await conn.execute(sa.select(entry).where(entry.c.id == entry_id))).mappings().one_or_none()
    return None if row is None else read_entry(row)


async def of_message(conn: AsyncConnection, queue_id: str) -> tuple[QueueEntry, ...]:
    """All recipients of one message, in the order of its envelope."""
    rows = await conn.execute(sa.select(entry).where(entry.c.queue_id == queue_id))
    return tuple(sorted((read_entry(row) for row in rows.mappings()), key=lambda one: int(one.id.rpartition("-")[2])))


async def trace(conn: AsyncConnection, entry_id: str) -> tuple[str, ...]:
    """The sentences that explain an entry's decision; empty for an unknown entry."""
    text = (await conn.execute(sa.select(entry.c.trace).where(entry.c.id == entry_id))).scalar_one_or_none()
    return () if text is None else tuple(json.loads(text))


async def message_facts(conn: AsyncConnection, queue_id: str) -> MessageFacts | None:
    row = (await conn.execute(sa.select(message).where(message.c.id == queue_id))).mappings().one_or_none()
    if row is None:
        return None
    plain = ("id", "sender", "login", "envid", "ret", "about_id", "size", "received_at")
    return MessageFacts(
        kind=MessageKind(row["kind"]),
        is_sealed=row["wrapped_key"] is not None,
        **{name: row[name] for name in plain},
    )


async def counts(conn: AsyncConnection) -> Mapping[EntryState, int]:
    """Entries that have no ending yet, by state; each such state is there. Endings pile up for years: not counted."""
    statement = sa.select(entry.c.state, sa.func.count().label("entries")).where(_is_unfinished).group_by(entry.c.state)
    found = {row.state: row.entries for row in await conn.execute(statement)}
    return {state: found.get(state.value, 0) for state in UNFINISHED}


async def oldest(conn: AsyncConnection) -> datetime | None:
    """When the oldest recipient that has no ending was queued; None when the queue is empty."""
    statement = sa.select(sa.func.min(entry.c.queued_at, type_=UtcMicros)).where(_is_unfinished)
    earliest: datetime | None = (await conn.execute(statement)).scalar_one()
    return earliest


async def load_body(store: Store, queue_id: str) -> bytes:
    """The message as it will be delivered. Raises: ContentGone; DamagedContent (hold this message)."""
    return await _load(store, queue_id, BODY)


async def load_report(store: Store, queue_id: str) -> bytes:
    """Its inspection report as it was encoded, b"" when there was none. Raises: as `load_body`."""
    return await _load(store, queue_id, REPORT)


async def _load(store: Store, queue_id: str, part: str) -> bytes:
    async with store.read() as conn:
        key = (
            await conn.execute(
                sa.select(message.c.wrapped_key, message.c.master_key_id).where(message.c.id == queue_id)
            )
        ).one_or_none()
        if key is None or key.wrapped_key is None:
            raise ContentGone(f"{queue_id}: the content was destroyed or never stored")
        rows = await conn.execute(
            sa.select(content.c.ciphertext)
            .where(content.c.message_id == queue_id, content.c.part == part)
            .order_by(content.c.number)
        )
        pieces = list(rows.scalars())
    try:
        data_key = store.vault.unwrap(queue_id, key.wrapped_key)
        if sum(map(len, pieces)) > THREAD_ABOVE_BYTES:
            return await asyncio.to_thread(open_part, queue_id, part, pieces, data_key, key.master_key_id)
        return open_part(queue_id, part, pieces, data_key, key.master_key_id)
    except DamagedContent as error:
        raise DamagedContent(f"{queue_id}: {error}") from None
