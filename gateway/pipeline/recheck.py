"""Mail that waits is decided on again before each attempt: what a register no longer permits does not leave.

How this works: the facts are those of the message's last decision record, and the registers are asked anew. A copy that
nothing permits any more, or whose recipient opted out of such mail meanwhile, stops and a person decides; one that may
leave only by fewer ways goes on by those; nothing is ever opened that was closed (OB-12). Mail that no register has a
say in is not looked at, so a register that cannot be read stops nothing else; nor is mail that was decided on after the
last change of any register, and just now.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gateway.audit import events
from gateway.config import Settings
from gateway.delivery.recheck import Changed, Review
from gateway.message.entry import MessageKind, QueueEntry
from gateway.pipeline.again import Again, Made
from gateway.pipeline.ledger import Ledger
from gateway.pipeline.suppress import REPLIES, STOPPED, find_suppressed, purpose_again
from gateway.store import decisions
from gateway.store.decisions import Stored
from gateway.store.statements import Change
from gateway.store.store import Store
from gateway.store.suppressions import touched
from gateway.store.times import MICROSECOND
from gateway.together import Asked, Together, waiting
from policy.decision import Action, Decision, Method
from policy.edits import is_outdated, lacking
from policy.phi.report import Report
from policy.record import Cause, Kept

FRESH: Final = timedelta(seconds=5)  # of a first attempt, straight from memory
TOGETHER: Final = 256  # addresses that are looked for at once
STOPS: Final = frozenset({Action.HOLD, Action.REJECT})


class Recheck:
    """One for the gateway."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._again = Again(settings, store)
        self._book = self._again.finder.rules.by_name
        self._ledger = Ledger(store, self._again.finder, self._again.registers)
        self._touched = Together[tuple[str, ...], frozenset[str]](
            self._answer, name="opted out", most=TOGETHER, most_size=TOGETHER
        )

    async def __call__(self, entries: Sequence[QueueEntry], *, now: datetime) -> Review:
        """Those of some entries of one message that may not go on as they are. Raises: StoreError."""
        asking = await self._within_reach([entry for entry in entries if self._needs(entry, now)])
        if not asking:
            return Review()
        async with self._store.read() as conn:
            records = await decisions.of_message(conn, self._store.vault, asking[0].queue_id)
        changed, kept = list[Changed](), list[Change]()
        for stored, every in _last(records, asking):
            if not (some := [entry for entry in every if self._has_say(entry, stored.kept)]):
                continue
            made = await self._made(stored, some, now)
            gone = await self._opted_out(made, some, now)
            left = {entry.id for entry in some} - {one.entry.id for one in gone}
            if found := [*gone, *(one for one in self._look(stored.kept, made, some, now) if one.entry.id in left)]:
                await self._ledger.begin(now)
                at = now + len(kept) * MICROSECOND  # its own for each record
                kept.append(self._record(stored, made, {one.entry.recipient: one.why for one in found}, at))
                changed += found
        return Review(tuple(changed), tuple(kept))

    def _needs(self, entry: QueueEntry, now: datetime) -> bool:
        """Whether a register may say something else than it did."""
        if entry.kind is not MessageKind.MAIL:
            return False
        is_fresh = entry.attempts == 0 and now - entry.queued_at < FRESH
        return not is_fresh or entry.queued_at <= self._store.registers_changed_at

    async def _within_reach(self, entries: Sequence[QueueEntry]) -> Sequence[QueueEntry]:
        """Without those for whom no register can have a say, so that of most mail no record has to be read."""
        names = tuple(entry.recipient.lower() for entry in entries if self._asks_only_who_opted_out(entry))
        if not names:
            return entries
        try:
            found = await self._touched.ask(names, len(names))
        except Exception:  # whether it matters is in the record; who asks there says so
            return entries
        return [one for one in entries if not self._asks_only_who_opted_out(one) or one.recipient.lower() in found]

    async def _answer(self, batch: list[Asked[tuple[str, ...], frozenset[str]]]) -> None:
        try:
            found = await touched(self._store, [name for asked in batch for name in asked.question])
        except Exception as error:  # the callers get it
            for asked in waiting(batch):
                asked.answer.set_exception(error)
            return
        for asked in waiting(batch):
            asked.answer.set_result(found)

    def _asks_only_who_opted_out(self, entry: QueueEntry) -> bool:
        return entry.protected and not self._again.asks_anything

    def _has_say(self, entry: QueueEntry, kept: Kept) -> bool:
        """Whether any register has a say: in what is protected, where rules ask one, and who opted out of promotion."""
        if not self._asks_only_who_opted_out(entry):
            return True
        return purpose_again(kept.thin, is_protected=True) in STOPPED

    async def _made(self, stored: Stored, entries: Sequence[QueueEntry], now: datetime) -> Made:
        names, facts = {entry.recipient for entry in entries}, stored.kept.thin
        some = tuple(to for to in facts.recipients if to.address in names)
        kept = replace(stored.kept, thin=replace(facts, recipients=some, everybody=facts.addresses))
        return await self._again.by_registers(kept, at=now)

    def _look(self, kept: Kept, made: Made, entries: Sequence[QueueEntry], now: datetime) -> list[Changed]:
        if not made.asked_now:
            return []
        old = {decision.recipient: decision for decision in kept.decisions}
        new = {decision.recipient: decision for decision in made.decisions}
        found = Counter({kind.value: count for kind, count in kept.found.items()})
        outdated = {to.address for to in made.facts.recipients if is_outdated(made.facts, to)}
        changed = list[Changed]()
        for entry in entries:
            decision = new[entry.recipient]
            why, methods = self._judge(entry, old[entry.recipient], decision, kept.thin.report)
            if not why and entry.recipient in outdated and "consent" in made.asked_now:
                why = f"{CHANGED} (it says below that it goes out on a consent, which is not there any more)"
            if not why and methods == entry.methods:
                continue
            score, said = kept.thin.report.score, _held(decision, why)
            event = events.message_decided(said, at=now, queue_id=entry.queue_id, score=score, found=found)
            rung = methods.index(entry.method) if entry.method in methods else 0
            goes_on = entry if why else replace(entry, methods=methods, rung=rung)
            changed.append(Changed(entry=goes_on, event=event, why=why))
        return changed

    async def _opted_out(self, made: Made, entries: Sequence[QueueEntry], now: datetime) -> list[Changed]:
        """Copies of promotion, which no rule has to stop. Raises: StoreError."""
        purpose = purpose_again(made.facts, is_protected=any(entry.protected for entry in entries))
        if purpose not in STOPPED:
            return []
        facing = {entry.recipient: entry for entry in entries if not entry.archive}
        stopped = await find_suppressed(self._store, list(facing), purpose=purpose)
        score, found = made.facts.report.score, Counter(one.kind.value for one in made.facts.report.findings)
        changed = list[Changed]()
        for decision in made.decisions:
            entry, listed = facing.get(decision.recipient), stopped.get(decision.recipient.lower())
            if entry is None or listed is None:
                continue
            why = f"{CHANGED} ({REPLIES[listed.reason]})"
            event = events.message_decided(
                _held(decision, why), at=now, queue_id=entry.queue_id, score=score, found=found
            )
            changed.append(Changed(entry=entry, event=event, why=why))
        return changed

    def _lacking(self, new: Decision, report: Report) -> tuple[str, ...]:
        return lacking([self._book[name] for name in new.rules], report)

    def _judge(self, entry: QueueEntry, was: Decision, new: Decision, report: Report) -> tuple[str, tuple[Method, ...]]:
        """Why it stops, or by what it goes on."""
        fresh = [name for name in new.rules if name not in was.rules and self._book[name].action in STOPS]
        if new.action in STOPS or fresh:
            return f"{CHANGED} ({', '.join(fresh) or 'no method is left'})", ()
        if unsaid := [one for one in self._lacking(new, report) if one not in was.rules]:
            return f"{CHANGED} (it lacks a notice that must go with it: {', '.join(unsaid)})", ()
        if not new.protected:
            return "", entry.methods
        if not entry.protected:
            return f"{CHANGED} (it is protected now)", ()
        if entry.method in new.methods:
            return "", tuple(method for method in entry.methods if method in new.methods)
        left = tuple(method for method in new.methods if method in entry.methods[entry.rung :])
        return (f"{CHANGED} (no method is left)" if not left else ""), left

    def _record(self, stored: Stored, made: Made, whose: Mapping[str, str], at: datetime) -> Change:
        """whose: recipients, and why each stops; empty: it does not."""
        facts = replace(made.facts, recipients=tuple(to for to in made.facts.recipients if to.address in whose))
        decided = [_held(one, whose[one.recipient]) for one in made.decisions if one.recipient in whose]
        return self._ledger.entry(
            stored.queue_id, facts, decided, cause=Cause.CHECKED, at=at, patient=stored.kept.patient
        )


CHANGED: Final = "a register says something else than when it was decided"


def _held(decision: Decision, why: str) -> Decision:
    """What became of it, as records and events have it. why: it stops; empty: it does not."""
    if not why:
        return decision
    action = decision.action if decision.action in STOPS else Action.HOLD
    return replace(decision, action=action, methods=(), trace=(*decision.trace, why))


def _last(records: Sequence[Stored], entries: Sequence[QueueEntry]) -> list[tuple[Stored, list[QueueEntry]]]:
    """Entries by the last record that decided on each; one without a record was accepted by an older release."""
    found: dict[datetime, tuple[Stored, list[QueueEntry]]] = {}
    for entry in entries:
        for stored in reversed(records):
            if any(one.recipient == entry.recipient for one in stored.kept.decisions):
                found.setdefault(stored.at, (stored, []))[1].append(entry)
                break
    return list(found.values())
