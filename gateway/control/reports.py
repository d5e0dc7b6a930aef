"""Reports from the store, for operators."""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.control.office import Office
from gateway.message.entry import EntryState
from gateway.store import brakes

INSIDE: Final = frozenset({EntryState.HELD, EntryState.REJECTED})  # nothing of these got out


async def sent(office: Office, *, login: str, since: str, everything: bool = False) -> dict[str, Any]:
    """What a login handed in, as far as it got out or is on its way out.

    since: RFC 3339. everything: also what is held or was rejected.
    Returns: `recipients`, oldest first, and whether the list `is_cut` (at 50,000).
    """
    async with office.store.read() as conn:
        found = await brakes.sent(conn, login.lower(), since=datetime.fromisoformat(since).astimezone(UTC))
    return {
        "is_cut": len(found) == brakes.SENT_LIMIT,
        "recipients": [
            {
                "queue_id": one.queue_id,
                "received_at": one.received_at.isoformat(),
                "sender": one.sender,
                "recipient": one.recipient,
                "state": one.state.value,
                "protected": one.protected,
            }
            for one in found
            if everything or one.state not in INSIDE
        ],
    }
