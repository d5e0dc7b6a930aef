"""What waits in the queue by a permission that has just ended is held: a person decides, and its sender is told.

A message that is being delivered at this moment is not called back; the answer counts it as busy.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway.audit.search import Query, search
from gateway.config.rules import rule_book
from gateway.control import changes
from gateway.control.office import Office
from gateway.control.reach import HOLDABLE, MOST
from gateway.message.entry import QueueEntry
from gateway.store import queue
from policy.baa import Organisation
from policy.consent import Consent, Kind
from policy.decide import CHOSEN

AT_ONCE: Final = 1000  # entries read together

Held = dict[str, int]  # how many are held (`held`), and how many are on their way already (`busy`)
NOTHING: Final[Held] = {"held": 0, "busy": 0}


async def after_consent(office: Office, consent: Consent) -> Held:
    """Mail that leaves as plain mail because of this choice. Other kinds: the queue does not know whose mail it is."""
    if consent.kind is not Kind.UNENCRYPTED:
        return NOTHING
    which = queue.Filter(states=HOLDABLE.states, kinds=HOLDABLE.kinds, recipient=consent.patient, limit=AT_ONCE)
    async with office.store.read() as conn:
        found = [entry for entry in await queue.listing(conn, which) if not entry.protected]
        chosen = []
        for entry in found:
            query = Query(queue_id=entry.queue_id, recipient=entry.recipient, kind="message.decided")
            said = await search(conn, query)
            if any(CHOSEN.said[0] in str(one.event.data["trace"]) for one in said):
                chosen.append(entry)
    return await _hold(office, chosen, why=f"the choice of plain mail was revoked (consent {consent.id})")


async def after_agreement(office: Office, organisation: Organisation) -> Held:
    """Protected mail to its domains, where a rule asks for agreements at all."""
    if not any(name.startswith("baa.") for name in rule_book(office.settings.policy).facts):
        return NOTHING
    ends = tuple(f".{domain}" for domain in organisation.domains)

    def is_theirs(entry: QueueEntry) -> bool:
        return entry.protected and f".{entry.recipient.rpartition('@')[2].lower()}".endswith(ends)

    return await _hold(office, await _waiting(office, is_theirs), why=f"the agreement with {organisation.name} ended")


async def _waiting(office: Office, fits: Callable[[QueueEntry], bool]) -> list[QueueEntry]:
    """All of the queue that can be held and fits, read a part at a time."""
    found, now, after = list[QueueEntry](), datetime.now(UTC), ""
    while True:
        which = queue.Filter(
            states=HOLDABLE.states, kinds=HOLDABLE.kinds, until=now, after=after, limit=AT_ONCE
        )  # fmt: skip
        async with office.store.read() as conn:
            some = await queue.listing(conn, which)
        found += [entry for entry in some if fits(entry)]
        if len(some) < AT_ONCE:
            return found
        after = some[-1].id


async def _hold(office: Office, entries: Sequence[QueueEntry], *, why: str) -> Held:
    counted: Counter[str] = Counter()
    for start in range(0, len(entries), MOST):
        counted.update(await changes.hold(office, ids=[one.id for one in entries[start : start + MOST]], why=why))
    return {"held": counted["done"], "busy": counted["busy"]}
