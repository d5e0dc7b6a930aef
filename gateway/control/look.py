"""What is shown of the queue, for people and for programs. Only reads, and does without SQLAlchemy."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.message.entry import EntryState
from gateway.store.filter import Filter, one_of
from gateway.store.overview import BRIEF, FULL, Fetch, Row, method_of, overview
from gateway.store.times import moment

ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766
PORTAL: Final = "waits to be picked up"
UNTRIED: Final = "no attempt yet"
_HELD: Final = "SELECT audit_event.body FROM audit_event WHERE audit_event.kind = 'message.held'"


async def table(fetch: Fetch, which: Filter) -> Iterator[tuple[object, ...]]:
    """For people: id, state, method, tries, next attempt, from, to, why it waits; in the order of arrival."""
    rows = await overview(fetch, which, BRIEF)
    held = await why_held(fetch, [row[0] for row in rows if row[1] == EntryState.HELD])
    return (
        (
            entry_id.rpartition("-")[0], state, method_of(methods, rung), attempts, _next(state, at), sender, recipient,
            _why(state, attempts, reply, held.get(entry_id, "")),
        )
        for entry_id, state, methods, rung, attempts, at, sender, recipient, reply in rows
    )  # fmt: skip


async def records(fetch: Fetch, which: Filter) -> Iterator[dict[str, Any]]:
    """For programs, by the names of `postqueue -j` where it has them; in the order of arrival."""
    rows = await overview(fetch, which, FULL)
    held = await why_held(fetch, [row[0] for row in rows if row[1] == EntryState.HELD])
    return (_record(row, held.get(row[0], "")) for row in rows)


def _record(row: Row, why_held: str) -> dict[str, Any]:
    """One recipient, from the columns of FULL."""
    (
        entry_id, state, methods, rung, attempts, next_attempt_at, sender, recipient, last_reply,
        queue_id, kind, protected, queued_at, expires_at, size,
    ) = row  # fmt: skip
    return {
        "queue_name": state,
        "queue_id": queue_id,
        "entry": entry_id,
        "arrival_time": queued_at // 1_000_000,
        "message_size": size,
        "sender": sender,
        "recipient": recipient,
        "delay_reason": why_held or (last_reply if state == EntryState.QUEUED else ""),
        "kind": kind,
        "protected": bool(protected),
        "method": method_of(methods, rung),
        "methods": methods.split(",") if methods else [],
        "attempts": attempts,
        "next_attempt_at": moment(next_attempt_at).isoformat(),
        "expires_at": moment(expires_at).isoformat(),
    }


async def why_held(fetch: Fetch, entry_ids: Sequence[str]) -> Mapping[str, str]:
    """By entry, what the audit log says of the last time that it was held."""
    messages = sorted({entry_id.rpartition("-")[0] for entry_id in entry_ids})
    why: dict[str, str] = {}
    for start in range(0, len(messages), ASKED_AT_ONCE):
        among = one_of("audit_event.queue_id", messages[start : start + ASKED_AT_ONCE])
        for (body,) in await fetch(f"{_HELD} AND {among.sql} ORDER BY seq", among.values):
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
