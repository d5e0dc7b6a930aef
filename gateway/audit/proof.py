"""Proof that an event is in the log, for someone who has only a checkpoint: O(log n) hashes (AU-12)."""

import base64
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.merkle import Frontier, inclusion_spans
from gateway.store.tables import audit_checkpoint, audit_event

PAGE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """event: the body that was hashed, as text; path: base64, from the leaf up (RFC 9162 section 2.1.3.1)."""

    seq: int
    event: str
    path: tuple[str, ...]
    checkpoint: str


async def prove(conn: AsyncConnection, queue_id: str) -> tuple[Proof, ...]:
    """Proofs for all events of a message that the newest checkpoint covers; none when there are none."""
    newest = (
        await conn.execute(sa.select(audit_checkpoint).order_by(audit_checkpoint.c.size.desc()).limit(1))
    ).one_or_none()
    if newest is None:
        return ()
    events = await conn.execute(
        sa.select(audit_event.c.seq, audit_event.c.body)
        .where(audit_event.c.queue_id == queue_id, audit_event.c.seq < newest.size)
        .order_by(audit_event.c.seq)
    )
    rows = events.all()
    spans = {span for row in rows for span in inclusion_spans(row.seq, newest.size)}
    roots = {span: await _root(conn, *span) for span in sorted(spans)}
    return tuple(
        Proof(
            seq=row.seq,
            event=row.body.decode(),
            path=tuple(roots[span] for span in inclusion_spans(row.seq, newest.size)),
            checkpoint=newest.note,
        )
        for row in rows
    )


async def _root(conn: AsyncConnection, start: int, end: int) -> str:
    """The root of the leaves from start to end, base64, in constant memory."""
    frontier = Frontier()
    for first in range(start, end, PAGE):
        leaves = await conn.execute(
            sa.select(audit_event.c.leaf_hash)
            .where(audit_event.c.seq >= first, audit_event.c.seq < min(first + PAGE, end))
            .order_by(audit_event.c.seq)
        )
        for leaf in leaves.scalars():
            frontier = frontier.append(leaf)
    return base64.b64encode(frontier.root()).decode()
