"""What is shown of the queue: for people, for programs, and all that is known of one message. Only reads."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.search import Query, search
from gateway.message.entry import EntryState, QueueEntry
from gateway.store.overview import BRIEF, FULL, method_of, moment, overview
from gateway.store.queue import Filter
from gateway.store.tables import audit_event

ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766
PORTAL: Final = "waits to be picked up"
UNTRIED: Final = "no attempt yet"
EVIDENCE: Final = (
    "tls_version", "tls_cipher", "verification", "certificate", "chain", "openpgp_keys", "smime_certificates",
    "form", "required", "dnssec", "mta_sts", "tls_failure", "unmet_wish", "hosts",
)  # fmt: skip


async def table(conn: AsyncConnection, which: Filter) -> Iterator[tuple[object, ...]]:
    """For people: id, state, method, tries, next attempt, from, to, why it waits; in the order of arrival."""
    rows = await overview(conn, which, BRIEF)
    held = await _why_held(conn, [row[0] for row in rows if row[1] == EntryState.HELD])
    return (
        (
            entry_id.rpartition("-")[0], state, method_of(methods, rung), attempts, _next(state, at), sender, recipient,
            _why(state, attempts, reply, held.get(entry_id, "")),
        )
        for entry_id, state, methods, rung, attempts, at, sender, recipient, reply in rows
    )  # fmt: skip


async def records(conn: AsyncConnection, which: Filter) -> Iterator[dict[str, Any]]:
    """For programs, by the names of `postqueue -j` where it has them; in the order of arrival."""
    rows = await overview(conn, which, FULL)
    held = await _why_held(conn, [row[0] for row in rows if row[1] == EntryState.HELD])
    return (record(dict(zip(FULL, row, strict=True)), held.get(row[0], "")) for row in rows)


def record(row: Mapping[str, Any], why_held: str) -> dict[str, Any]:
    """One recipient, from the columns of FULL."""
    state = row["state"]
    return {
        "queue_name": state,
        "queue_id": row["queue_id"],
        "entry": row["id"],
        "arrival_time": row["queued_at"] // 1_000_000,
        "message_size": row["size"],
        "sender": row["sender"],
        "recipient": row["recipient"],
        "delay_reason": why_held or (row["last_reply"] if state == EntryState.QUEUED else ""),
        "kind": row["kind"],
        "protected": bool(row["protected"]),
        "method": method_of(row["methods"], row["rung"]),
        "methods": [word for word in row["methods"].split(",") if word],
        "attempts": row["attempts"],
        "next_attempt_at": moment(row["next_attempt_at"]).isoformat(),
        "expires_at": moment(row["expires_at"]).isoformat(),
    }


async def attempts_of(conn: AsyncConnection, queue_id: str) -> Mapping[str, list[dict[str, Any]]]:
    """By entry, every attempt so far with its evidence, oldest first, as the audit log has it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in await search(conn, Query(kind="delivery.attempted", queue_id=queue_id)):
        data = one.event.data
        attempt = {"at": one.event.at.isoformat(), "method": data["tried"]}
        attempt |= {name: data[name] for name in ("seen", "host", "ip", "port", "reply", "took_s")}
        attempt |= {name: data[name] for name in EVIDENCE if name in data}
        found.setdefault(str(data["entry"]), []).append(attempt)
    return found


async def reasons_of(conn: AsyncConnection, entries: Sequence[QueueEntry]) -> Mapping[str, str]:
    """By entry, one sentence why it waits where it is: of the last deferral or climb, or of the hold."""
    found = dict(await _why_held(conn, [entry.id for entry in entries if entry.state is EntryState.HELD]))
    waiting = {entry.id for entry in entries if entry.state in (EntryState.QUEUED, EntryState.PORTAL)}
    if waiting:
        for one in await search(conn, Query(kind="delivery.", queue_id=entries[0].queue_id)):
            if "why" in one.event.data and one.event.data["entry"] in waiting:
                found[str(one.event.data["entry"])] = str(one.event.data["why"])
    return found


async def _why_held(conn: AsyncConnection, entry_ids: Sequence[str]) -> Mapping[str, str]:
    """By entry, what the audit log says of the last time that it was held."""
    messages = sorted({entry_id.rpartition("-")[0] for entry_id in entry_ids})
    why: dict[str, str] = {}
    for start in range(0, len(messages), ASKED_AT_ONCE):
        some = messages[start : start + ASKED_AT_ONCE]
        statement = (
            sa.select(audit_event.c.body)
            .where(audit_event.c.queue_id.in_(some), audit_event.c.kind == "message.held")
            .order_by(audit_event.c.seq)
        )
        for body in (await conn.execute(statement)).scalars():
            data = msgspec.json.decode(body)["data"]
            why[data["entry"]] = data["why"]
    return why


def _why(state: str, attempts: int, last_reply: str, why_held: str) -> str:
    match state:
        case EntryState.QUEUED:
            return last_reply if attempts else UNTRIED
        case EntryState.HELD:
            return why_held
        case EntryState.PORTAL:
            return PORTAL
        case _:
            return ""


def _next(state: str, micros: int) -> str | None:
    return _second(micros // 1_000_000) if state == EntryState.QUEUED else None


@lru_cache
def _second(since_1970: int) -> str:
    return f"{moment(since_1970 * 1_000_000):%Y-%m-%dT%H:%M:%SZ}"
