"""What an operator does to what waits: hold it, delete it, give it back, let it go on. Reasons land in the audit log.

How this works: an entry is changed only while nobody delivers it, else it could have two endings (invariant 3). It is
leased first; what waits in this gateway's own line is taken out of the line; what is under way, here or elsewhere, is
left alone and counted as busy. Each message is one transaction: endings, events, and word to the sender.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

from gateway.audit import events
from gateway.control.office import Office
from gateway.control.reach import ENDABLE, HOLDABLE, MOST, Reach
from gateway.control.wire import Refused
from gateway.delivery.about import About
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.record import Record
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.store import portal, queue
from gateway.store.errors import MissingRow
from gateway.store.fetching import through
from gateway.store.overview import matching
from gateway.store.rows import close_portal, destroy_if_finished, save_entry

BY: Final = "command line"
TOGETHER: Final = 50  # messages at once: they share commits
LEASE: Final = timedelta(minutes=1)  # far longer than a request takes; gone by itself when it fails

BOUNCED: Final = "The administrators of your mail system took it out of the queue before it was delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Entries of one message that are changed together, and the record that the changes go into."""

    entries: tuple[QueueEntry, ...]
    record: Record
    about: About
    own_mail: OwnMail
    why: str
    at: datetime


Act = Callable[[Office, Case], Awaitable[None]]


async def hold(office: Office, *, ids: Sequence[str], why: str) -> dict[str, int]:
    """Stop attempts until somebody releases it; the sender is told, for silence would endanger patients.

    ids: of entries, at most MOST; mail of our own is never held.
    Returns: how many are changed (`done`), are being delivered at this moment (`busy`), or are none to hold (`other`).
    """
    return await _change(office, ids, HOLDABLE, _hold, why)


async def delete(office: Office, *, ids: Sequence[str], why: str) -> dict[str, int]:
    """End it, and tell the sender nothing. ids, returns: as `hold`."""
    return await _change(office, ids, ENDABLE, _delete, why)


async def bounce(office: Office, *, ids: Sequence[str], why: str) -> dict[str, int]:
    """End it, and tell the sender that it was not delivered, as far as NOTIFY allows. ids, returns: as `hold`."""
    return await _change(office, ids, ENDABLE, _bounce, why)


async def _change(office: Office, ids: Sequence[str], reach: Reach, act: Act, why: str) -> dict[str, int]:
    if not why.strip():
        raise Refused("a reason is needed; it is kept in the audit log", 2)
    if len(ids) > MOST:
        raise Refused(f"at most {MOST} recipients in one request", 2)
    if not ids:  # to a filter, none would mean all
        return {"done": 0, "busy": 0, "other": 0}
    async with office.changing:
        async with office.store.read() as conn:
            fit = await matching(through(conn), queue.Filter(ids=ids, states=reach.states, kinds=reach.kinds))
        taken = await _take(office, fit, reach.states) if fit else []
        messages = [tuple(group) for _, group in groupby(taken, key=lambda entry: entry.queue_id)]
        done = 0
        for start in range(0, len(messages), TOGETHER):
            some = messages[start : start + TOGETHER]
            done += sum(await asyncio.gather(*(_settle(office, entries, act, why) for entries in some)))
    return {"done": done, "busy": len(fit) - done, "other": len(ids) - len(fit)}


async def _take(office: Office, ids: Sequence[str], states: frozenset[EntryState]) -> list[QueueEntry]:
    """Lease what nobody works on. What is in our own line is leased to us already, and nobody else takes it there."""
    store, now = office.store, datetime.now(UTC)
    hand = f"{store.node[:35]}/hand"  # not the scheduler's name: of that only what is in its line is ours to take
    taken = list(await queue.take(store, ids, states=states, owner=hand, now=now, lease=LEASE))
    if waiting := office.withdraw(ids):
        taken += await queue.take(store, waiting, states=states, owner=store.node, now=now, lease=LEASE)
    return sorted(taken, key=lambda entry: entry.id)


async def _settle(office: Office, entries: tuple[QueueEntry, ...], act: Act, why: str) -> int:
    """One message. Returns: how many entries are changed; none when one got its ending at this very moment."""
    own_mail = OwnMail(OwnMailPolicy.of(office.settings), lease=lambda: None)
    about = About(office.store, own_mail)
    case = Case(entries=entries, record=Record(), about=about, own_mail=own_mail, why=why, at=datetime.now(UTC))
    await act(office, case)
    try:
        await case.record.commit(office.store)
    except MissingRow:
        return 0
    return len(entries)


async def _hold(_office: Office, case: Case) -> None:
    held = [replace(entry, state=EntryState.HELD) for entry in case.entries]
    case.record.add(
        changes=[save_entry(entry, release=True) for entry in held],
        events=[events.message_held(entry, at=case.at, by=BY, why=case.why) for entry in held],
    )
    if held[0].sender and (told := [entry for entry in held if not entry.archive]):
        case.record.own.append(case.own_mail.held_notice(told, now=case.at))


async def _delete(office: Office, case: Case) -> None:
    case.record.add(
        events=[events.message_deleted(entry, at=case.at, by=BY, why=case.why) for entry in case.entries],
    )
    await _end(office, case, EntryState.REJECTED, told="")


async def _bounce(office: Office, case: Case) -> None:
    case.record.add(
        events=[events.message_bounced(entry, at=case.at, by=BY, why=case.why) for entry in case.entries],
    )
    await _end(office, case, EntryState.BOUNCED, told=BOUNCED)


async def _end(office: Office, case: Case, ending: EntryState, *, told: str) -> None:
    """told: the sentence for the sender, empty to tell none."""
    ended = [replace(entry, state=ending) for entry in case.entries]
    async with office.store.read() as conn:
        waiting = await portal.of_message(conn, ended[0].queue_id)
    ids = {entry.id for entry in ended}
    case.record.add(changes=[close_portal(one.token_hash) for one in waiting if one.entry_id in ids])
    if ended[0].kind is MessageKind.MAIL and told:
        await case.about.give_back(ended, case.record, why=told, at=case.at)
        return
    queue_id = ended[0].queue_id
    case.record.add(changes=[*(save_entry(entry, release=True) for entry in ended), destroy_if_finished(queue_id)])
    if ended[0].kind is not MessageKind.MAIL:
        await case.about.dropped(ended[0], case.record, at=case.at)
