"""The whole queue at a glance: what an operator's list shows of each entry, read as fast as the database gives it.

Rows are the driver's own tuples: a `QueueEntry` for each of 100,000 takes longer than reading them. The database orders
nothing, for it would walk the endings of years to find what waits; ids sort by arrival, and all are in memory.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.queue import Filter
from gateway.store.tables import EPOCH, MICROSECOND, entry, message

Row = Sequence[Any]  # in the order of the columns asked for; times are microseconds since 1970

BRIEF: Final = ("id", "state", "methods", "rung", "attempts", "next_attempt_at", "sender", "recipient", "last_reply")
FULL: Final = (*BRIEF, "queue_id", "kind", "protected", "queued_at", "expires_at", "size")


async def overview(conn: AsyncConnection, which: Filter, columns: Sequence[str]) -> list[Row]:
    """Entries that match, in the order of their arrival; `after` and `limit` do not count.

    columns: BRIEF or FULL, the first of which is the id.
    """
    statement = sa.select(*map(_column, columns)).where(*which.conditions())
    if "size" in columns:
        statement = statement.join_from(entry, message, entry.c.queue_id == message.c.id)
    result = await conn.execute(statement)
    cursor: Any = result.cursor  # past the `Row` that SQLAlchemy makes of each, which costs as much as the reading
    rows: list[Row] = list(cursor.fetchall())
    rows.sort(key=itemgetter(0))
    return rows


async def matching(conn: AsyncConnection, which: Filter) -> list[str]:
    """Ids of entries that match, in the order of their arrival; `after` and `limit` do not count."""
    return [row[0] for row in await overview(conn, which, ("id",))]


def method_of(methods: str, rung: int) -> str:
    """The rung in use, from two columns; empty for mail that has no ladder."""
    return methods.split(",")[rung] if methods else ""


def moment(micros: int) -> datetime:
    """A time of a row."""
    return EPOCH + micros * MICROSECOND


def _column(name: str) -> sa.ColumnElement[Any]:
    if name == "size":
        return message.c.size
    return sa.type_coerce(entry.c[name], sa.BigInteger) if name.endswith("_at") else entry.c[name]
