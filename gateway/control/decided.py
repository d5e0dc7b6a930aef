"""Decisions of the past: what a person says was wrong with one is appended, and the record stays."""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.control.wire import Refused
from gateway.message.queue_id import new_queue_id
from gateway.store import decisions
from gateway.store.decisions import Correction
from gateway.store.store import Store
from policy.decision import Action

USAGE: Final = 2


async def correct(store: Store, *, queue_id: str, recipient: str, action: str, why: str, by: str) -> str:
    """Append a correction. action: what it should have been, empty where only the reason was wrong.

    Returns: its id. Raises: Refused when nothing was decided on that, for what is no action, and without a reason.
    """
    now, name = datetime.now(UTC), recipient.lower()
    if not why.strip():
        raise Refused("a reason is needed", USAGE)
    if action and action not in set(Action):
        raise Refused(f"{action!r} is none of {', '.join(Action)}", USAGE)
    async with store.read() as conn:
        records = await decisions.of_message(conn, store.vault, queue_id)
    known = {one.recipient.lower() for stored in records for one in stored.kept.decisions}
    if name not in known:
        raise Refused(f"there is no record of a decision on {queue_id} for {recipient}")
    new = Correction(
        id=new_queue_id(), queue_id=queue_id, recipient=name, at=now, recorded_by=by,
        action=Action(action) if action else None, why=why,
    )  # fmt: skip
    event = admin.decision_corrected(at=now, queue_id=queue_id, recipient=name, correction=new.id, action=action, by=by)
    await decisions.correct(store, new, events=(event,))
    return new.id


async def listing(store: Store) -> list[dict[str, Any]]:
    """All corrections, oldest first."""
    async with store.read() as conn:
        found = await decisions.corrections(conn, store.vault)
    return [
        {
            "id": one.id,
            "queue_id": one.queue_id,
            "recipient": one.recipient,
            "at": one.at.isoformat(),
            "by": one.recorded_by,
            "action": one.action and one.action.value,
            "why": one.why,
        }
        for one in found
    ]
