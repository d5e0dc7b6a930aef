"""Labels for whoever trains or judges a classifier: messages that persons had in hand, masked, by a privacy officer.

How this works: the audit log says which copies were held, released and rejected, and corrections say what was wrong;
the sealed decision records say what was found. That somebody asked is in the audit log before a line is given out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.audit.search import Query, search
from gateway.control.wire import Refused
from gateway.message.event import Event
from gateway.store import decisions
from gateway.store.errors import ContentError
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.labelled import Act, Corrected, Past, label

USAGE: Final = 2
MOST: Final = 1_000  # messages of one export; a label has up to 20 findings, and all go in one line of the socket
EVENTS: Final = 20_000  # read of each kind
ACTS: Final = {"message.held": Act.HELD, "message.released": Act.RELEASED, "message.rejected": Act.REJECTED}


async def export(store: Store, *, since: str, until: str, limit: int, by: str, why: str) -> dict[str, Any]:
    """The newest messages that persons had in hand.

    since, until: RFC 3339; of the acts, until excluded. limit: messages, at most MOST. by, why: for the audit log.
    Returns: `labels`, oldest act first; `is_cut`: there are more; `unreadable`: how many records cannot be opened.
    Raises: Refused without a reason or a name.
    """
    begin, end = datetime.fromisoformat(since).astimezone(UTC), datetime.fromisoformat(until).astimezone(UTC)
    if not why.strip() or not by.strip():
        raise Refused("a name and a reason are needed; they are kept in the audit log", USAGE)
    if not 1 <= limit <= MOST:
        raise Refused(f"at most {MOST} messages in one export, and one at least", USAGE)
    acts, is_cut = await _acts(store, begin, end)
    async with store.read() as conn:
        corrected = [one for one in await decisions.corrections(conn, store.vault) if begin <= one.at < end]
    times = [*((one.queue_id, one.at) for one in acts), *((one.queue_id, one.at) for one in corrected)]
    last = dict(sorted(times))
    newest = sorted(last, key=lambda queue_id: (last[queue_id], queue_id))
    wanted = newest[-limit:]
    labels, unreadable = await _labels(store, wanted, acts)
    now = datetime.now(UTC)
    event = admin.labels_exported(at=now, by=by, why=why, since=begin, until=end, count=len(labels))
    await store.commit(Unit(events=(event,)))
    return {"labels": labels, "is_cut": is_cut or len(newest) > limit, "unreadable": unreadable}


async def _acts(store: Store, begin: datetime, end: datetime) -> tuple[list[Event], bool]:
    """What was done to copies, in the order of the log, and whether there is more than is read."""
    async with store.read() as conn:
        found = [await search(conn, Query(kind=kind, since=begin, until=end, limit=EVENTS)) for kind in ACTS]
    in_order = sorted((one for some in found for one in some), key=lambda one: one.seq)
    return [one.event for one in in_order], any(len(some) == EVENTS for some in found)


async def _labels(store: Store, wanted: Sequence[str], events: Sequence[Event]) -> tuple[list[dict[str, Any]], int]:
    """The labels of these messages, and how many of them have a record that cannot be opened."""
    of_message: dict[str, list[Event]] = {}
    for event in events:
        of_message.setdefault(event.queue_id, []).append(event)
    labels, unreadable = list[dict[str, Any]](), 0
    for queue_id in wanted:
        try:
            async with store.read() as conn:
                records = await decisions.of_message(conn, store.vault, queue_id)
                corrected = await decisions.corrections(conn, store.vault, queue_id)
        except ContentError:
            unreadable += 1
            continue
        if records:  # mail of our own has none, and what is older than `retention.evidence`
            past = [Past(at=one.at, cause=one.cause, kept=one.kept) for one in records]
            said = [Corrected(recipient=one.recipient, action=one.action) for one in corrected]
            labels.append(label(queue_id, past, said, _last_acts(of_message.get(queue_id, ()), past)))
    return labels, unreadable


def _last_acts(events: Sequence[Event], past: Sequence[Past]) -> Mapping[str, Act]:
    """What became last of each copy, by the address in lower case."""
    acts: dict[str, Act] = {}
    for event in events:
        acts[event.recipient.lower()] = ACTS[event.kind]
    clear = {one.recipient.lower() for record in past for one in record.kept.decisions} - {
        one.recipient.lower() for record in past for one in record.kept.decisions if one.protected
    }
    return {name: Act.RELEASED_CLEAR if act is Act.RELEASED and name in clear else act for name, act in acts.items()}
