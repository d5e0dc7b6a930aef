"""Gives each audit event its sequence number and its leaf in the Merkle tree, inside the writer's transaction.

The tree's frontier is a value: `append` returns the new one, and the writer adopts it only after the commit, so a
rollback needs no undoing (AU-07). On SQLite there is one writer, hence one sequence; on PostgreSQL the
head is read under a lock that lasts until the commit (AU-13).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.compiling import Row
from gateway.store.errors import DamagedStore
from gateway.store.merkle import Frontier, leaf_hash
from gateway.store.prepared import prepare
from gateway.store.tables import audit_event, audit_tree

TREE_ID: Final = 1
CLOCK_SLACK: Final = timedelta(minutes=1)  # an event older than the one before by more than this is marked (AU-11)

INSERT_EVENTS: Final = sa.insert(audit_event)
GROW_TREE: Final = sa.update(audit_tree).where(audit_tree.c.id == TREE_ID)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands: its tree, and the time of its last event."""

    frontier: Frontier
    last_at: datetime | None = None


def canonical_body(event: Event, *, seq: int, behind_s: int) -> bytes:
    """The bytes that are hashed: JSON with sorted keys and no blanks (msgspec, order="sorted").

    behind_s: by how many seconds the clock went back since the event before; left out when 0.
    """
    body: dict[str, Any] = {
        "at": event.at.isoformat(timespec="microseconds"),
        "data": event.data,
        "kind": event.kind,
        "queue_id": event.queue_id,
        "recipient": event.recipient,
        "seq": seq,
    }
    if behind_s:
        body["behind_s"] = behind_s
    return msgspec.json.encode(body, order="sorted")


async def load(conn: AsyncConnection) -> Head:
    """The head as stored. Raises: DamagedStore when tree and events disagree."""
    tree = (await conn.execute(sa.select(audit_tree).where(audit_tree.c.id == TREE_ID))).one_or_none()
    last = (
        await conn.execute(sa.select(audit_event.c.seq, audit_event.c.at).order_by(audit_event.c.seq.desc()).limit(1))
    ).one_or_none()
    size = 0 if tree is None else tree.size
    if size != (0 if last is None else last.seq + 1):
        raise DamagedStore("audit log: the tree and the events differ in size; run mailward audit verify")
    if tree is None:
        await conn.execute(sa.insert(audit_tree), {"id": TREE_ID, "size": 0, "frontier": b""})
        return Head(Frontier())
    try:
        return Head(Frontier.from_bytes(size, tree.frontier), None if last is None else last.at)
    except ValueError as error:
        raise DamagedStore(f"audit log: {error}") from None


def append(connection: sqlite3.Connection, head: Head, events: Sequence[Event]) -> Head:
    """Insert the events as the next leaves and store the grown tree; SQLite. The caller owns the transaction."""
    if not events:
        return head
    rows, grown = leaves(events, head)
    tree = tree_row(grown)
    prepare(INSERT_EVENTS, tuple(rows[0])).run(connection, rows)
    prepare(GROW_TREE, tuple(tree)).run(connection, [tree])
    return grown


def tree_row(head: Head) -> Row:
    """What the one row of the table `audit_tree` holds."""
    return {"size": head.frontier.size, "frontier": head.frontier.to_bytes()}


def leaves(events: Iterable[Event], head: Head) -> tuple[list[Row], Head]:
    """The rows of the table `audit_event` that follow a head, and the head after them."""
    rows: list[Row] = []
    frontier, last_at = head.frontier, head.last_at
    for event in events:
        behind = last_at - event.at if last_at is not None else timedelta()
        body = canonical_body(
            event, seq=frontier.size, behind_s=int(behind.total_seconds()) if behind > CLOCK_SLACK else 0
        )
        leaf = leaf_hash(body)
        rows.append(
            {
                "seq": frontier.size,
                "at": event.at,
                "kind": event.kind,
                "queue_id": event.queue_id,
                "recipient": event.recipient,
                "body": body,
                "leaf_hash": leaf,
            }
        )
        frontier, last_at = frontier.append(leaf), event.at
    return rows, Head(frontier, last_at)
