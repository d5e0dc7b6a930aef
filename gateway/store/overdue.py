"""What is to be decided about mail for destinations that are left alone: its sender hears of the delay, or it ends."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState, QueueEntry
from gateway.store.rows import read_entry
from gateway.store.store import Store
from gateway.store.tables import entry
from policy.decision import Method


async def claim_overdue(
    store: Store,
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    domains: Collection[str],
    delay_notice: timedelta,
) -> tuple[QueueEntry, ...]:
    """Lease up to limit entries of these recipients' domains that are due, free, and need no answer of the domain now.

    delay_notice: after so long in the queue a sender hears of it. Others are past `expires_at`, or go to the portal.
    """
    tells = sa.and_(entry.c.sender != "", sa.not_(entry.c.delay_notified), entry.c.queued_at <= now - delay_notice)
    last_rung = sa.func.length(entry.c.methods) - sa.func.length(sa.func.replace(entry.c.methods, ",", ""))
    is_portal = sa.and_(entry.c.methods.endswith(Method.PORTAL.value), entry.c.rung == last_rung)
    which = (
        sa.select(entry.c.id)
        .where(
            entry.c.state == EntryState.QUEUED.value,
            entry.c.domain.in_(list(domains)),
            entry.c.next_attempt_at <= now,
            sa.or_(entry.c.lease_until.is_(None), entry.c.lease_until <= now),
            sa.or_(tells, entry.c.expires_at <= now, is_portal),
        )
        .order_by(entry.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("overdue")
    )
    taking = (
        sa.update(entry)
        .where(entry.c.id.in_(sa.select(which.c.id)))
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*entry.c)
    )

    async def work(conn: AsyncConnection) -> tuple[QueueEntry, ...]:
        return tuple(read_entry(row) for row in (await conn.execute(taking)).mappings().all())

    return tuple(sorted(await store.transact(work), key=lambda one: (one.next_attempt_at, one.id)))
