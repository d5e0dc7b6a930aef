"""All that the audit log knows of one message: its attempts, and why its copies wait. Only reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.search import Query, search
from gateway.control.look import why_held
from gateway.message.entry import EntryState, QueueEntry
from gateway.store.fetching import through

EVIDENCE: Final = (
    "tls_version", "tls_cipher", "verification", "certificate", "chain", "openpgp_keys", "smime_certificates",
    "form", "required", "dnssec", "mta_sts", "tls_failure", "unmet_wish", "hosts",
)  # fmt: skip


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
    found = dict(await why_held(through(conn), [entry.id for entry in entries if entry.state is EntryState.HELD]))
    waiting = {entry.id for entry in entries if entry.state in (EntryState.QUEUED, EntryState.PORTAL)}
    if waiting:
        for one in await search(conn, Query(kind="delivery.", queue_id=entries[0].queue_id)):
            if "why" in one.event.data and one.event.data["entry"] in waiting:
                found[str(one.event.data["entry"])] = str(one.event.data["why"])
    return found
