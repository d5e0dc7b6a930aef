"""Bodies that change on their way: texts below, values masked, and what commercial mail and some laws must show.

How this works: each recipient's copy is changed by the rules that apply to it; those who get the same share one form
(`forms`). All of it happens before the message is kept, so each form is sealed and signed as it leaves. What was
masked is looked for once more by an inspector; whatever is left, and whatever cannot be changed exactly, is held with
the reason. The decision stays the one of the message as it came: masking lowers no protection.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.inspect.editor import Edited
from gateway.inspect.inspector import Inspector, NoInspector
from gateway.message.bodyedit import BodyEditError, Obstacle
from gateway.pipeline.footers import Shop, with_fields
from gateway.pipeline.forms import Part, join
from gateway.pipeline.judged import Judged
from gateway.workers.errors import PoolUnavailable
from policy.commercial import is_commercial, unsaid
from policy.decision import Action
from policy.edits import NOTHING, Edits, awaits_scope, edits_of
from policy.phi.report import Kind
from policy.rules.book import RuleBook

MOST_FORMS: Final = 100  # RFC 5321 section 4.5.3.1.8: as many recipients as a client may always send at once
MOST_OCTETS: Final = 64 * 2**20  # of all forms together: they are edited, sealed and committed as one
TOO_MANY: Final = Edits(
    held="Held: its recipients would get more different copies, or larger ones, than are made of one message."
)


class Changer(Protocol):
    """`gateway.inspect.editor.Editor`, or what stands for it."""

    async def edit(self, data: bytes, *, below: tuple[str, ...], kinds: frozenset[Kind]) -> Edited:
        """See there."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one recipient's copy should be. fields: of the header, raw. added: what rules put into it. alone: whose it
    is, where a release may have to put something below it that nobody else's copy has."""

    edits: Edits
    fields: tuple[bytes, ...] = ()
    added: tuple[tuple[tuple[str, str], ...], ...] = ()
    alone: str = ""


class BodyEdits:
    """One for the pipeline."""

    def __init__(self, rules: RuleBook, shop: Shop, changer: Changer | None, inspector: Inspector) -> None:
        self._rules = rules
        self._shop = shop
        self._changer = changer
        self._inspector = inspector

    async def apply(self, judged: Judged, *, subject_tags: tuple[str, ...]) -> tuple[Judged, tuple[Judged, ...]]:
        """The message with what became of each copy, and the forms that it leaves in: one for those who get the same.

        Who is refused gets none, so they are with the first. Raises: NoInspector.
        """
        wishes = [self._wish(judged, number) for number in range(len(judged.decisions))]
        wishes = _bounded(wishes, size=len(judged.data))
        groups: dict[Wish, list[int]] = {}
        for number, wish in enumerate(wishes):
            groups.setdefault(wish, []).append(number)
        parts = [await self._part(judged, wish, who, subject_tags) for wish, who in groups.items()]
        return join(judged, parts)

    def _wish(self, judged: Judged, number: int) -> Wish:
        """What one recipient's copy should be. number: of the recipient."""
        to, decision = judged.facts.recipients[number], judged.decisions[number]
        if decision.action is Action.REJECT:
            return Wish(NOTHING)
        rules = [self._rules.by_name[name] for name in decision.rules]
        wanted = edits_of(judged.facts, to, rules)
        fields: tuple[bytes, ...] = ()
        if self._shop.postal_address and is_commercial(judged.facts, to):
            wanted, fields = self._shop.footed(judged.facts, to, wanted)
        elif self._shop.postal_address and not wanted.held and (why := unsaid(judged.facts, to)):
            wanted = replace(wanted, held=why)
        alone = to.address if decision.action is Action.HOLD and awaits_scope(judged.facts, to) else ""
        return Wish(wanted, fields, tuple(rule.add_header for rule in rules if rule.add_header), alone)

    async def _part(self, judged: Judged, wish: Wish, who: Sequence[int], subject_tags: tuple[str, ...]) -> Part:
        wanted = wish.edits
        kept, is_alone = (wanted.kept,) if wanted.kept else (), bool(wish.alone)
        if wanted.held or not wanted.changes:
            return Part(who, judged.data, wish.added, told=kept, held=wanted.held, is_alone=is_alone)
        try:
            edited = await self._edited(judged, wanted, subject_tags)
        except BodyEditError as why:
            held = f"Held: it needs a change that cannot be made, because {why}."
            return Part(who, judged.data, wish.added, held=held)
        data = with_fields(edited.data, wish.fields)
        told = (*kept, *words(edited, wanted))
        return Part(who, data, wish.added, told=told, masked=edited.masked, noticed=wanted.marks)

    async def _edited(self, judged: Judged, wanted: Edits, subject_tags: tuple[str, ...]) -> Edited:
        if self._changer is None:
            raise BodyEditError(Obstacle.UNCLEAR)
        try:
            below = (*wanted.below, *wanted.notices)
            edited = await self._changer.edit(judged.data, below=below, kinds=wanted.kinds)
        except PoolUnavailable as error:
            raise NoInspector(str(error)) from None
        if wanted.kinds:
            again = await self._inspector.inspect(edited.data, subject_tags=subject_tags)
            is_worse = len(again.uninspectable) > 0 or not edited.masked
            if is_worse or any(finding.kind in wanted.kinds for finding in again.findings):
                raise BodyEditError(Obstacle.LEFT)
        return edited


def _bounded(wishes: list[Wish], *, size: int) -> list[Wish]:
    """What can be done of it: where it would be too many forms, fewer copies are apart from others, and then copies
    wait as they came, in one form. size: octets."""
    for tried in (wishes, [replace(one, alone="") for one in wishes]):
        plain = {
            (one.added, one.alone) for one in tried if not one.edits.changes
        }  # each is a form; one is always there
        several = len({one for one in tried if one.edits.changes}) + max(0, len(plain) - 1)
        if several < 2 or (several <= MOST_FORMS and several * size <= MOST_OCTETS):
            return tried
    is_mixed = len({one.added for one in wishes if not one.edits.changes}) > 1
    return [
        Wish(one.edits if one.edits.held else TOO_MANY)
        if one.edits.changes or (one.added and is_mixed)
        else replace(one, alone="")
        for one in wishes
    ]


def words(edited: Edited, wanted: Edits) -> tuple[str, ...]:
    """What was done, for a trace."""
    masked = ", ".join(f"{count} {kind.value}" for kind, count in sorted(edited.masked.items()))
    return (
        *((f"Masked in it, by rule: {masked}.",) if masked else ()),
        *(("A text was put below it.",) if wanted.below else ()),
        *((f"The notice that a law wants is below it ({', '.join(wanted.noticed)}).",) if wanted.noticed else ()),
        *(
            ("What the consent covers is below it (42 CFR 2.32(b)).",)
            if len(wanted.notices) > len(wanted.noticed)
            else ()
        ),
    )
