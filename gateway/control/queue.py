"""The queue for operators: look, hurry, release or refuse held mail. Reasons given here land in the audit log."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import events
from gateway.audit.search import Query, search
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.about import About
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.record import Record
from gateway.inspect.wire import unpack_report
from gateway.message.address import parse_from
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.fields import split_message
from gateway.pipeline.facts import FactFinder
from gateway.store import brakes, certificates, queue
from gateway.store.errors import ContentError
from gateway.store.rows import save_entry
from policy.decide import decide

BY: Final = "command line"


async def listing(office: Office, *, everything: bool = False) -> list[dict[str, Any]]:
    """Entries that have no ending yet, or all; in the order of their arrival, at most 1,000."""
    async with office.store.read() as conn:
        found = await queue.listing(conn, queue.Filter(states=() if everything else queue.UNFINISHED))
        facts = {queue_id: await queue.message_facts(conn, queue_id) for queue_id in {one.queue_id for one in found}}
        why = await _why_held(conn, {one.queue_id for one in found if one.state is EntryState.HELD})
    return [
        _row(entry, message.size if (message := facts[entry.queue_id]) else 0, why.get(entry.id, "")) for entry in found
    ]


async def show(office: Office, *, queue_id: str) -> dict[str, Any]:
    """One message: its recipients, and why each takes the way it takes. Raises: Refused when there is none."""
    async with office.store.read() as conn:
        facts = await queue.message_facts(conn, queue_id)
        if facts is None:
            raise Refused(f"there is no message {queue_id}")
        entries = await queue.of_message(conn, queue_id)
        traces = {entry.id: await queue.trace(conn, entry.id) for entry in entries}
        why = await _why_held(conn, {one.queue_id for one in entries if one.state is EntryState.HELD})
    return {
        "queue_id": facts.id,
        "kind": facts.kind.value,
        "sender": facts.sender,
        "login": facts.login,
        "size": facts.size,
        "received_at": facts.received_at.isoformat(),
        "content": "sealed" if facts.is_sealed else "destroyed",
        "recipients": [
            {**_row(entry, facts.size, why.get(entry.id, "")), "trace": list(traces[entry.id])} for entry in entries
        ],
    }


async def flush(office: Office) -> int:
    """Make everything that waits due now. Returns: how many."""
    return await queue.hurry(office.store, now=datetime.now(UTC))


async def release(office: Office, *, queue_id: str, reason: str) -> int:
    """Decide anew on what is held, by today's configuration and keys; a way that is not safe is never opened by hand.

    Returns: how many recipients go on. Raises: Refused with the sentences of the decision when none can.
    """
    held = await _held(office, queue_id)
    try:
        report = unpack_report(await queue.load_report(office.store, queue_id))
        author = _author(await queue.load_body(office.store, queue_id))
    except ContentError as error:
        raise Refused(f"{queue_id}: its content cannot be read ({type(error).__name__})") from error
    async with office.store.read() as conn:
        holders = await certificates.holders(conn)
    facts = FactFinder(office.settings).gather(
        holders,
        sender=author,
        recipients=[entry.recipient for entry in held],
        report=report,
        requiretls=held[0].requiretls,
    )
    found = Counter(finding.kind.value for finding in report.findings)
    now, released, said = datetime.now(UTC), Record(), []
    for entry, decision in zip(held, decide(facts), strict=True):
        if not decision.methods:
            said += [f"{entry.recipient}: {sentence}" for sentence in decision.trace]
            continue
        freed = replace(
            entry,
            state=EntryState.QUEUED,
            methods=decision.methods,
            rung=0,
            next_attempt_at=now,
            expires_at=now + office.settings.delivery.expire_after,
        )
        released.add(
            changes=[save_entry(freed, release=True)],
            events=[
                events.message_decided(decision, at=now, queue_id=queue_id, score=report.score, found=found),
                events.message_released(freed, at=now, by=BY, why=reason),
            ],
        )
    if not released.changes:
        raise Refused("\n".join(said))
    await released.commit(office.store)
    return len(released.changes)


async def release_login(office: Office, *, login: str, reason: str) -> dict[str, int]:
    """Take the brake off a login, and release what it holds, each message as `release` does; counting begins anew.

    Returns: how many recipients go on (`released`), and of how many messages nothing does (`held`).
    Raises: Refused when no brake is on.
    """
    now, name = datetime.now(UTC), login.lower()
    event = events.brake_released(at=now, login=name, by=BY, why=reason)
    standing = (await brakes.Standings(office.store).current()).get(name)
    if standing is None or not await brakes.release(office.store, name, at=now, events=(event,)):
        raise Refused(f"no brake is on for {name}; `mailward audit search --kind brake.` shows when one was")
    async with office.store.read() as conn:
        waiting = await brakes.held_since(conn, name, since=standing.engaged_at)
    counted = {"released": 0, "held": 0}
    for queue_id in waiting:
        try:
            counted["released"] += await release(office, queue_id=queue_id, reason=reason)
        except Refused:
            counted["held"] += 1
    return counted


async def reject(office: Office, *, queue_id: str, reason: str) -> int:
    """Refuse what is held; the sender is told. Returns: how many recipients."""
    held = await _held(office, queue_id)
    about = About(office.store, OwnMail(OwnMailPolicy.of(office.settings), lease=lambda: None))
    now = datetime.now(UTC)
    rejected = [replace(entry, state=EntryState.REJECTED) for entry in held]
    record = Record(events=[events.message_rejected(entry, at=now, by=BY, why=reason) for entry in rejected])
    await about.give_back(rejected, record, why="Your privacy team decided not to send it", at=now)
    await record.commit(office.store)
    return len(rejected)


async def _held(office: Office, queue_id: str) -> tuple[QueueEntry, ...]:
    async with office.store.read() as conn:
        entries = await queue.of_message(conn, queue_id)
    held = tuple(entry for entry in entries if entry.state is EntryState.HELD)
    if not held:
        raise Refused(f"{queue_id}: nothing of it is held")
    return held


def _author(message: bytes) -> str:
    """The address in the From field, which the intake has seen to be exactly one."""
    (author,) = split_message(message).all("from")
    return parse_from(author.value, allows_utf8=True)


async def _why_held(conn: AsyncConnection, queue_ids: set[str]) -> dict[str, str]:
    """By entry, what the audit log says of the last time that it was held. queue_ids: of held messages."""
    why = {}
    for queue_id in queue_ids:
        for found in await search(conn, Query(kind="message.held", queue_id=queue_id)):
            why[str(found.event.data["entry"])] = str(found.event.data["why"])
    return why


def _row(entry: QueueEntry, size: int, why_held: str) -> dict[str, Any]:
    """One recipient, by the names of `postqueue -j` where it has them."""
    reasons = {EntryState.QUEUED: entry.last_reply, EntryState.HELD: why_held}
    return {
        "queue_name": entry.state.value,
        "queue_id": entry.queue_id,
        "arrival_time": int(entry.queued_at.timestamp()),
        "message_size": size,
        "sender": entry.sender,
        "recipient": entry.recipient,
        "delay_reason": reasons.get(entry.state, ""),
        "kind": entry.kind.value,
        "protected": entry.protected,
        "method": entry.method.value if entry.methods else "",
        "methods": [method.value for method in entry.methods],
        "attempts": entry.attempts,
        "next_attempt_at": entry.next_attempt_at.isoformat(),
        "expires_at": entry.expires_at.isoformat(),
    }
