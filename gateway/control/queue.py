"""The queue for operators: look, hurry, release or refuse held mail. Reasons given here land in the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.audit import admin, events
from gateway.control import history, look
from gateway.control.changes import BY
from gateway.control.office import Office
from gateway.control.releasing import Wish, held_of, release_one
from gateway.control.wire import Refused
from gateway.delivery.about import About
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.record import Record
from gateway.message.entry import EntryState
from gateway.store import brakes, queue
from gateway.store.fetching import through


async def listing(office: Office, *, everything: bool = False) -> list[dict[str, Any]]:
    """Entries that have no ending yet, or all; in the order of their arrival."""
    async with office.store.read() as conn:
        return list(await look.records(through(conn), queue.Filter(states=() if everything else queue.UNFINISHED)))


async def show(office: Office, *, queue_id: str) -> dict[str, Any]:
    """One message: for each recipient where it stands and why, every attempt with its evidence, and its decision.

    Raises: Refused when there is none.
    """
    async with office.store.read() as conn:
        facts = await queue.message_facts(conn, queue_id)
        if facts is None:
            raise Refused(f"there is no message {queue_id}")
        entries = await queue.of_message(conn, queue_id)
        rows = {row["entry"]: row for row in await look.records(through(conn), queue.Filter(queue_id=queue_id))}
        traces = {entry.id: await queue.trace(conn, entry.id) for entry in entries}
        attempts, reasons = await history.attempts_of(conn, queue_id), await history.reasons_of(conn, entries)
    return {
        "queue_id": facts.id,
        "kind": facts.kind.value,
        "sender": facts.sender,
        "login": facts.login,
        "size": facts.size,
        "received_at": facts.received_at.isoformat(),
        "content": "sealed" if facts.is_sealed else "destroyed",
        "recipients": [
            {
                **rows[entry.id],
                "why": reasons.get(entry.id, ""),
                "urgent": entry.urgent,
                "attempted": attempts.get(entry.id, []),
                "trace": list(traces[entry.id]),
            }
            for entry in entries
        ],
    }


async def flush(office: Office, *, which: Mapping[str, Any] | None = None) -> int:
    """Make what waits due now, all of it or what matches. which: `Filter` as plain values. Returns: how many."""
    try:
        found = msgspec.convert(which or {}, queue.Filter)
    except msgspec.ValidationError as error:
        raise Refused(f"queue.flush: {error}", 2) from None
    return await queue.hurry(office.store, now=datetime.now(UTC), which=found)


async def release(office: Office, *, queue_id: str, reason: str, to: str = "", by: str = BY, shows: str = "") -> int:
    """Decide anew on what is held, by today's configuration and keys; a way that is not safe is never opened by hand.

    to: of one recipient only. by: who decides, which is written down. shows: where the message itself says what a law
    wants with it and nobody can put there (`control.below`). Returns: how many recipients go on.
    Raises: Refused with the sentences of the decision when none can, and where a second person must agree.
    """
    async with office.changing:
        return await release_one(office, Wish(queue_id=queue_id, reason=reason, to=to, by=by, shows=shows.strip()))


async def break_glass(
    office: Office, *, queue_id: str, reason: str, by: str, to: str = "", affiliation: str = ""
) -> int:
    """Let held treatment mail go in an emergency, protected: no rule and no second person keeps it (`control.glass`).

    affiliation: who receives it and where they work, which records of a Part 2 programme need.
    Returns: how many recipients go on. Raises: Refused when this person may not, or no safe way is left.
    """
    if not reason.strip():
        raise Refused("a reason is needed; it is kept in the audit log", 2)
    async with office.changing:
        wish = Wish(queue_id=queue_id, reason=reason, to=to, by=by, breaks_glass=True, affiliation=affiliation.strip())
        return await release_one(office, wish)


async def release_many(
    office: Office, *, ids: Sequence[str], reason: str, has_looked: bool = True, by: str = BY
) -> dict[str, int]:
    """The same for several messages. ids: of messages. Returns: recipients `released`, messages still `held`.

    has_looked: a person decided on these very messages; else what a rule holds stays held.
    """
    counted = {"released": 0, "held": 0}
    for queue_id in ids:
        try:
            async with office.changing:
                counted["released"] += await release_one(
                    office, Wish(queue_id=queue_id, reason=reason, by=by, has_looked=has_looked, is_told=False)
                )
        except Refused:
            counted["held"] += 1
    return counted


async def release_login(office: Office, *, login: str, reason: str) -> dict[str, int]:
    """Take the brake off a login, and release what it holds, each message as `release` does; counting begins anew.

    Returns: how many recipients go on (`released`), and of how many messages nothing does (`held`).
    Raises: Refused when no brake is on.
    """
    now, name = datetime.now(UTC), login.lower()
    event = admin.brake_released(at=now, login=name, by=BY, why=reason)
    standing = (await brakes.Standings(office.store).current()).get(name)
    if standing is None or not await brakes.release(office.store, name, at=now, events=(event,)):
        raise Refused(f"no brake is on for {name}; `mailward audit search --kind brake.` shows when one was")
    async with office.store.read() as conn:
        waiting = await brakes.held_since(conn, name, since=standing.engaged_at)
    return await release_many(office, ids=waiting, reason=reason, has_looked=False)


async def reject(office: Office, *, queue_id: str, reason: str, to: str = "") -> int:
    """Refuse what is held, for one recipient or all; the sender is told. Returns: how many recipients."""
    async with office.changing:
        return await _reject(office, queue_id=queue_id, reason=reason, to=to)


async def _reject(office: Office, *, queue_id: str, reason: str, to: str) -> int:
    held = await held_of(office, queue_id, to)
    about = About(office.store, OwnMail(OwnMailPolicy.of(office.settings), lease=lambda: None))
    now = datetime.now(UTC)
    rejected = [replace(entry, state=EntryState.REJECTED) for entry in held]
    record = Record(events=[events.message_rejected(entry, at=now, by=BY, why=reason) for entry in rejected])
    await about.give_back(rejected, record, why="Your privacy team decided not to send it", at=now)
    await record.commit(office.store)
    return len(rejected)
