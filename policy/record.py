"""What is kept of a decision, so that it can be explained and made again years later. Pure.

How this works: the facts are kept whole but for findings, of which a message may have hundreds. The surest of them stay
as they are, masked as everywhere; of the others the kind and the certainty stay, which is all that a rule can ask. So
`Kept.facts` decides as the facts did that it was made of.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from policy.decision import Decision
from policy.facts import Facts
from policy.phi.report import Finding, Kind, Place

MOST_SHOWN: Final = 20  # findings that stay whole
SOMEWHERE: Final = Place(part="message")


class Cause(StrEnum):
    """On what occasion it was decided."""

    RECEIVED = "received"  # at SMTP time
    REFUSED = "refused"  # the same, and the message was not taken
    RELEASED = "released"  # a person let held mail go
    CHECKED = "checked"  # a register changed while it waited


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One act of deciding, for one or more recipients of a message.

    thin: the facts with the surest findings alone; rest: the others by kind and certainty, and how many there are.
    patient: whom the registers were asked about, as they name him; empty: nobody. asked: which registers were.
    """

    thin: Facts
    decisions: tuple[Decision, ...]
    rest: tuple[tuple[Kind, float, int], ...] = ()
    patient: str = ""
    asked: tuple[str, ...] = ()

    @property
    def facts(self) -> Facts:
        """What was known, as far as policy can ask."""
        more = tuple(
            Finding(kind=kind, masked="", place=SOMEWHERE, certainty=certainty, why="")
            for kind, certainty, count in self.rest
            for _ in range(count)
        )
        if not more:
            return self.thin
        return replace(self.thin, report=replace(self.thin.report, findings=self.thin.report.findings + more))

    @property
    def found(self) -> Mapping[Kind, int]:
        """Findings of each kind."""
        counted = Counter(one.kind for one in self.thin.report.findings)
        for kind, _, count in self.rest:
            counted[kind] += count
        return counted


def keep(facts: Facts, decisions: Sequence[Decision], *, patient: str = "", asked: Sequence[str] = ()) -> Kept:
    """The record of a decision just made."""
    thin = facts
    rest: tuple[tuple[Kind, float, int], ...] = ()
    found = facts.report.findings
    if len(found) > MOST_SHOWN:
        by_certainty = sorted(found, key=lambda one: -one.certainty)
        counted = Counter((one.kind, one.certainty) for one in by_certainty[MOST_SHOWN:])
        rest = tuple((kind, certainty, count) for (kind, certainty), count in counted.items())
        thin = replace(facts, report=replace(facts.report, findings=tuple(by_certainty[:MOST_SHOWN])))
    return Kept(thin=thin, decisions=tuple(decisions), rest=rest, patient=patient, asked=tuple(asked))
