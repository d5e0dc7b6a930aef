"""The whole log as JSON lines, streamed page by page from a read-only connection while the gateway runs."""

from collections.abc import AsyncIterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.lines import write_checkpoint, write_event
from gateway.store.tables import audit_checkpoint, audit_event

PAGE: Final = 1000


async def export(conn: AsyncConnection) -> AsyncIterator[bytes]:
    """Lines as `gateway.audit.lines` describes them, up to the events that were there at the beginning.

    Checkpoints are read first, so that each that appears is followed or preceded by all that it covers.
    """
    notes = {
        row.size: row.note for row in await conn.execute(sa.select(audit_checkpoint.c.size, audit_checkpoint.c.note))
    }
    end: int = (await conn.execute(sa.select(sa.func.coalesce(sa.func.max(audit_event.c.seq) + 1, 0)))).scalar_one()
    if 0 in notes:
        yield write_checkpoint(notes[0])
    for start in range(0, end, PAGE):
        rows = await conn.execute(
            sa.select(audit_event.c.seq, _bytes(audit_event.c.body), _bytes(audit_event.c.leaf_hash))
            .where(audit_event.c.seq >= start, audit_event.c.seq < min(start + PAGE, end))
            .order_by(audit_event.c.seq)
        )
        for row in rows:
            yield write_event(row.body, row.leaf_hash)
            if row.seq + 1 in notes:
                yield write_checkpoint(notes[row.seq + 1])


def _bytes(column: sa.Column[bytes]) -> sa.ColumnElement[bytes]:
    """SQLite keeps text in a binary column if someone puts it there; the verifier is to see its bytes all the same."""
    return sa.cast(column, sa.LargeBinary).label(column.name)
