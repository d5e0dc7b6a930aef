"""Which rules a person who releases a message knows to hold it: a register may have changed since it was held."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.control.office import Office
from gateway.log import get_logger
from gateway.store import decisions
from gateway.store.errors import DamagedContent
from policy.decision import Action, Decision
from policy.edits import scope_marks
from policy.facts import Facts, Sent
from policy.purpose import PROMOTION, PurposeSource
from policy.rules import RuleBook
from policy.sensitivity import Sensitivity, with_classes

log = get_logger("control")

STAYS: Final = PROMOTION | {"research", "authorized"}  # purposes that ask for more than one that nobody says


@dataclass(frozen=True, slots=True)
class Known:
    """What was decided before. rules: by recipient, of the last time. archives: addresses that get a copy by a rule.

    everybody: who got the message at first, also those whose copies are other ones; empty: not known. classes,
    states: the legal ones it was ever found to be of, and whose law spoke of it. said: the last purpose that
    somebody said of it, with who did, where that is one of STAYS. told: marks of what
    is below it and its report does not say (`scope_marks`).
    """

    rules: Mapping[str, frozenset[str]]
    archives: frozenset[str] = frozenset()
    everybody: tuple[str, ...] = ()
    classes: frozenset[Sensitivity] = frozenset()
    states: frozenset[str] = frozenset()
    said: tuple[str, PurposeSource] | None = None
    told: tuple[str, ...] = ()


async def known_holds(office: Office, queue_id: str) -> Known:
    """Of a message; nothing where a record cannot be read, since that must not hold mail for ever."""
    try:
        async with office.store.read() as conn:
            records = await decisions.of_message(conn, office.store.vault, queue_id)
    except DamagedContent:
        log.warning("decision record cannot be read", queue_id=queue_id)
        return Known({})
    return Known(
        {one.recipient: frozenset(one.rules) for stored in records for one in stored.kept.decisions},
        frozenset(to.address for stored in records for to in stored.kept.thin.recipients if to.is_archive),
        records[0].kept.thin.addresses if records else (),
        frozenset(one for stored in records for one in stored.kept.thin.sent.sensitivity),
        frozenset(one for stored in records for one in stored.kept.thin.sent.states),
        _said([stored.kept.thin.sent for stored in records]),
        scope_marks(records[0].kept.facts) if records else (),
    )


def _said(sent: Sequence[Sent]) -> tuple[str, PurposeSource] | None:
    said = [(one.purpose.lower(), one.purpose_source) for one in sent if _is_said(one)]
    return said[-1] if said and said[-1][0] in STAYS else None


def _is_said(sent: Sent) -> bool:
    """By somebody, not by its words alone."""
    return bool(sent.purpose) and sent.purpose_source in {PurposeSource.HEADER, PurposeSource.LABEL}


def newly_held(decision: Decision, known: Known, book: RuleBook) -> list[str]:
    """Rules that hold a recipient's copy now and did not when it was decided on; none where no record says so."""
    before = known.rules.get(decision.recipient, frozenset(decision.rules))
    return [name for name in decision.rules if name not in before and book.by_name[name].action is Action.HOLD]


def still_classed(sent: Sent, known: Known) -> Sent:
    """A label may be gone, or the role of who sent it: what a message was once of, it stays (OB-12).

    So is what it was for, where that asks for more and nobody says another purpose now.
    """
    states = tuple(sorted({*sent.states, *known.states}))
    still = replace(sent, sensitivity=with_classes(sent.sensitivity, known.classes), states=states)
    if known.said is None or _is_said(sent):
        return still
    word, source = known.said
    return replace(still, purpose=word, purpose_source=source, purpose_why="")


def with_archives(facts: Facts, archives: Collection[str]) -> Facts:
    """Facts in which those recipients are archives, as they were at the first decision."""
    to = (replace(one, is_archive=one.address in archives) for one in facts.recipients)
    return replace(facts, recipients=tuple(to))
