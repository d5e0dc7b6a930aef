"""What a law wants below held mail at its release, by what the registers say then: it is put there, or the mail stays.

How this works: the same that would be put below a message that comes now is looked for in the one that waits. What is
not there yet is put below it in the store, where no other copy of the message is anywhere else. What cannot be changed
(its author signed it, say) stays held; but for what commercial mail shows and for the scope of a consent, a person may
say in words where in the message it stands already, and answers for that in the audit log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.control.changes import BY
from gateway.control.office import Office
from gateway.inspect.wire import pack_report
from gateway.message.bodyedit import BodyEditError
from gateway.message.entry import EntryState, QueueEntry
from gateway.pipeline.edits import words
from gateway.pipeline.footers import Shop, with_fields
from gateway.store.amend import amended
from gateway.store.statements import Change
from gateway.workers.errors import PoolUnavailable
from policy.commercial import FOOTER, is_commercial
from policy.decision import Decision
from policy.edits import NOTHING, Edits, is_outdated, is_told, owed
from policy.facts import Facts, RecipientFacts
from policy.phi.report import Report
from policy.rules import RuleBook

SEALED: Final = "its author signed or encrypted it"
SHARED: Final = "its copies need different texts, or are not all held; release them together, or have it sent again"
NOBODY: Final = "nothing can change it just now; try again while the gateway runs"
COMMERCIAL: Final = (
    "it is commercial mail without our postal address and a way to opt out below it (15 U.S.C. 7704(a)(5)(A))"
)
SCOPE: Final = "it lacks what the patient's consent covers (42 CFR 2.32(b))"
OUTDATED: Final = (
    "it says below that it goes out on a consent, which is not there any more; have it sent again on the other ground"
)


@dataclass(frozen=True, slots=True)
class Wanting:
    """What one recipient's copy lacks. edits: held, or what would be put below. fields: of the header, raw."""

    edits: Edits = NOTHING
    fields: tuple[bytes, ...] = ()
    is_outdated: bool = False

    @property
    def lacks(self) -> bool:
        return bool(self.edits.changes or self.edits.held)


@dataclass(frozen=True, slots=True)
class Below:
    """Of the copies that are to be released, by recipient. body: the message with all that they lack; empty: not made.

    why: it could not be made. told: for the traces. marks: what is below it then.
    """

    wanting: Mapping[str, Wanting]
    body: bytes = field(default=b"", repr=False)
    why: str = ""
    told: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def objection(self, to: str, *, rules: Sequence[str], shows: str, by: str) -> str:
        """What keeps a copy; empty: nothing. rules: that want a notice and have none below it.

        shows: where the message itself says what it lacks, in the words of a person who read it. by: who that is.
        """
        one = self.wanting.get(to, Wanting())
        if one.is_outdated:
            return OUTDATED
        if not one.lacks or self.body:
            return ""
        if rules:
            return (
                f"it lacks the notice that must go with it ({', '.join(rules)}), which cannot be put below it,"
                f" because {self.why}; have it sent again"
            )
        if not shows.strip():
            return (
                f"{self._lacks(one.edits)}, which cannot be put there, because {self.why}; who has read it in the"
                " message says where it stands (--shows), which is kept in the audit log"
            )
        if not by.strip() or by.strip() == BY:
            return "who answers for what it shows says so by name (--by)"
        return ""

    def _lacks(self, wanted: Edits) -> str:
        """All of it: who attests that the message shows the one thing has not read the other."""
        is_commercial = FOOTER in wanted.marks or bool(wanted.held)
        return ", and ".join((*([COMMERCIAL] if is_commercial else ()), *([SCOPE] if wanted.has_scope else ())))

    def facts(self, facts: Facts) -> Facts:
        """Those of the message as it leaves."""
        if not self.body:
            return facts
        noticed = tuple(dict.fromkeys((*facts.report.noticed, *self.marks)))
        return replace(facts, report=replace(facts.report, noticed=noticed))

    def told_of(self, decided: Sequence[Decision]) -> tuple[Decision, ...]:
        """With what was put below in the traces."""
        return tuple(replace(one, trace=(*one.trace, *self.told)) for one in decided)

    async def changes(self, office: Office, queue_id: str, report: Report) -> tuple[Change, ...]:
        """Of the store. report: of `facts`. Raises: StoreError."""
        if not self.body:
            return ()
        return await amended(office.store, queue_id, body=self.body, report=pack_report(report))


NOTHING_LACKS: Final = Below({})


async def look_below(
    office: Office, rules: RuleBook, facts: Facts, decided: Sequence[Decision], *, body: bytes,
    entries: Sequence[QueueEntry],
) -> Below:  # fmt: skip
    """What the copies lack, made where it can be. entries: of the whole message. body: as it is kept."""
    shop = Shop.of(office.settings, office.store.vault)
    found = {
        to.address: _wanting(shop, rules, facts, to, decision)
        for to, decision in zip(facts.recipients, decided, strict=True)
    }
    missing = [one for one in found.values() if one.lacks]
    if not missing:
        return Below(found)
    first = missing[0]
    if any(one.edits.held for one in missing):
        return Below(found, why=SEALED)
    others = [entry for entry in entries if entry.state is not EntryState.REJECTED]  # which never left, nor will
    if len(decided) < len(others) or any(one != first for one in found.values()):
        return Below(found, why=SHARED)
    if office.changer is None:
        return Below(found, why=NOBODY)
    try:
        texts = (*first.edits.below, *first.edits.notices)
        edited = await office.changer.edit(body, below=texts, kinds=frozenset())
    except BodyEditError as why:
        return Below(found, why=str(why))
    except PoolUnavailable:
        return Below(found, why=NOBODY)
    return Below(
        found,
        body=with_fields(edited.data, first.fields),
        told=words(edited, first.edits),
        marks=first.edits.marks,
    )


def _wanting(shop: Shop, rules: RuleBook, facts: Facts, to: RecipientFacts, decision: Decision) -> Wanting:
    wanted, fields = owed(facts, to, [rules.by_name[name] for name in decision.rules]), tuple[bytes, ...]()
    is_footed = is_told(FOOTER, shop.postal_address, facts.report.noticed)
    if shop.postal_address and is_commercial(facts, to) and not is_footed:
        wanted, fields = shop.footed(facts, to, wanted)
    is_asked = any(name.startswith("consent.") for name in rules.facts)  # else nobody knows whether it is there
    return Wanting(wanted, fields, is_asked and is_outdated(facts, to))
