"""The whole queue at a glance: what an operator's list shows of each entry, read as fast as the database gives it.

Rows are the driver's own tuples: a `QueueEntry` for each of 100,000 takes longer than reading them. The database orders
nothing, for it would walk the endings of years to find what waits; ids sort by arrival, and all are in memory.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from gateway.store.filter import Filter, Value, every

Row = Sequence[Any]  # in the order of the columns asked for; times are microseconds since 1970
Fetch = Callable[[str, Mapping[str, Value]], Awaitable[list[Row]]]  # one statement with its `:name` values

BRIEF: Final = ("id", "state", "methods", "rung", "attempts", "next_attempt_at", "sender", "recipient", "last_reply")
FULL: Final = (*BRIEF, "queue_id", "kind", "protected", "queued_at", "expires_at", "size")
_JOIN: Final = " JOIN message ON entry.queue_id = message.id"


async def overview(fetch: Fetch, which: Filter, columns: Sequence[str]) -> list[Row]:
    """Entries that match, in the order of their arrival; `after` and `limit` do not count.

    columns: BRIEF or FULL, the first of which is the id.
    """
    where = every(which.clauses())
    names = ", ".join("message.size" if name == "size" else f"entry.{name}" for name in columns)
    tables = "entry" + _JOIN * ("size" in columns)
    rows = await fetch(f"SELECT {names} FROM {tables} WHERE {where.sql}", where.values)  # noqa: S608  # no value in it
    rows.sort(key=itemgetter(0))
    return rows


async def matching(fetch: Fetch, which: Filter) -> list[str]:
    """Ids of entries that match, in the order of their arrival; `after` and `limit` do not count."""
    return [row[0] for row in await overview(fetch, which, ("id",))]


def method_of(methods: str, rung: int) -> str:
    """The rung in use, from two columns; empty for mail that has no ladder."""
    return methods.split(",")[rung] if methods else ""
