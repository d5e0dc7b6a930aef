"""Finding events: by message, recipient, kind and time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.tables import audit_event

LIMIT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Empty or None means any. kind: exact, or a family such as `portal.`; until is excluded."""

    queue_id: str = ""
    recipient: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An event and its place in the log."""

    seq: int
    event: Event


async def search(conn: AsyncConnection, query: Query) -> tuple[Found, ...]:
    """The newest `query.limit` events that match, oldest first."""
    statement = sa.select(audit_event.c.seq, audit_event.c.body).order_by(audit_event.c.seq.desc())
    if query.queue_id:
        statement = statement.where(audit_event.c.queue_id == query.queue_id)
    if query.recipient:
        statement = statement.where(audit_event.c.recipient == query.recipient)
    if query.kind.endswith("."):
        statement = statement.where(audit_event.c.kind.startswith(query.kind, autoescape=True))
    elif query.kind:
        statement = statement.where(audit_event.c.kind == query.kind)
    if query.since is not None:
        statement = statement.where(audit_event.c.at >= query.since)
    if query.until is not None:
        statement = statement.where(audit_event.c.at < query.until)
    rows = (await conn.execute(statement.limit(query.limit))).all()
    return tuple(_found(row.seq, row.body) for row in reversed(rows))


def _found(seq: int, body: bytes) -> Found:
    """What was hashed, not what stands beside it in columns."""
    fields: dict[str, Any] = msgspec.json.decode(body)
    return Found(
        seq=seq,
        event=Event(
            kind=fields["kind"],
            at=datetime.fromisoformat(fields["at"]),
            queue_id=fields["queue_id"],
            recipient=fields["recipient"],
            data=fields["data"],
        ),
    )
