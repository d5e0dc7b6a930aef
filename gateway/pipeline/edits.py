"""Bodies that change on their way: texts below, values masked, and what commercial mail and some laws must show.

How this works: all of it happens before the message is kept, so it is signed as it leaves. What was masked is looked
for once more by an inspector; whatever is left, and whatever cannot be changed exactly, is held with the reason. The
decision stays the one of the message as it came: masking lowers no protection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gateway.inspect.editor import Edited
from gateway.inspect.inspector import Inspector, NoInspector
from gateway.message.bodyedit import BodyEditError, Obstacle
from gateway.message.fields import with_changes
from gateway.message.optout import OptOut, fields_for, make_token
from gateway.pipeline.judged import Judged
from gateway.workers.errors import PoolUnavailable
from policy.commercial import ALONE, footer, is_commercial
from policy.decision import Action
from policy.edits import Edits, edits_of
from policy.phi.report import Kind
from policy.rules.book import RuleBook

UNSUBSCRIBE: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


class Changer(Protocol):
    """`gateway.inspect.editor.Editor`, or what stands for it."""

    async def edit(self, data: bytes, *, below: tuple[str, ...], kinds: frozenset[Kind]) -> Edited:
        """See there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What commercial mail needs. key: of opt-out tokens. postal_address: empty, nothing is put below such mail."""

    base_url: str
    postal_address: str = ""
    organisations: Mapping[str, str] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)


class BodyEdits:
    """One for the pipeline."""

    def __init__(self, rules: RuleBook, shop: Shop, changer: Changer | None, inspector: Inspector) -> None:
        self._rules = rules
        self._shop = shop
        self._changer = changer
        self._inspector = inspector

    async def apply(self, judged: Judged, *, subject_tags: tuple[str, ...]) -> Judged:
        """The message as its rules and the law want it, or held. Raises: NoInspector."""
        applied = [self._rules.by_name[name] for decision in judged.decisions for name in decision.rules]
        wanted = edits_of(judged.facts, applied)
        fields: tuple[bytes, ...] = ()
        if self._shop.postal_address and is_commercial(judged.facts):
            wanted, fields = self._commercial(judged, wanted)
        if wanted.kept:
            judged = _told(judged, wanted.kept)
        if wanted.held:
            return held(judged, wanted.held)
        if not wanted.changes:
            return judged
        try:
            edited = await self._edited(judged, wanted, subject_tags)
        except BodyEditError as why:
            return held(judged, f"Held: it needs a change that cannot be made, because {why}.")
        data = with_changes(edited.data, remove=UNSUBSCRIBE, prepend=fields) if fields else edited.data
        told = _told(judged, *_words(edited, wanted))
        return replace(_noticed(told, wanted.noticed), data=data, masked=edited.masked)

    def _commercial(self, judged: Judged, wanted: Edits) -> tuple[Edits, tuple[bytes, ...]]:
        facts = judged.facts
        if wanted.held:
            return wanted, ()
        if facts.report.signed_by_author or facts.report.encrypted:
            return replace(wanted, held="Held: it lacks what commercial mail must show, and its author signed it."), ()
        if len(facts.addresses) != 1:
            return replace(wanted, held=ALONE), ()
        address, sender = facts.addresses[0].lower(), facts.sent.sender.rpartition("@")[2].lower()
        token = make_token(self._shop.key, OptOut(address, facts.sent.purpose.lower(), sender))
        url = f"{self._shop.base_url}/unsubscribe/{token}"
        text = footer(
            organisation=self._shop.organisations.get(sender, sender),
            url=url,
            postal_address=self._shop.postal_address,
            is_advertisement=not facts.recipients[0].consents.authorized,
        )
        return replace(wanted, below=(*wanted.below, text), kept=""), fields_for(url)

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


def held(judged: Judged, why: str) -> Judged:
    """The message, held for all its recipients; who is refused stays so."""
    return replace(
        judged,
        held_for=why,
        decisions=tuple(
            one
            if one.action is Action.REJECT
            else replace(one, action=Action.HOLD, methods=(), trace=(*one.trace, why))
            for one in judged.decisions
        ),
    )


def _noticed(judged: Judged, names: tuple[str, ...]) -> Judged:
    """Its report and its facts say which notices are below it: a release and a later look ask for that."""
    report = replace(judged.report, noticed=names)
    return replace(judged, report=report, facts=replace(judged.facts, report=report))


def _told(judged: Judged, *sentences: str) -> Judged:
    """Each decision says what became of the body."""
    return replace(judged, decisions=tuple(replace(one, trace=(*one.trace, *sentences)) for one in judged.decisions))


def _words(edited: Edited, wanted: Edits) -> tuple[str, ...]:
    masked = ", ".join(f"{count} {kind.value}" for kind, count in sorted(edited.masked.items()))
    return (
        *((f"Masked in it, by rule: {masked}.",) if masked else ()),
        *(("A text was put below it.",) if wanted.below else ()),
        *((f"The notice that a law wants is below it ({', '.join(wanted.noticed)}).",) if wanted.noticed else ()),
    )
