"""What another policy makes of decisions that were made: which flip, how, and by which rules. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from policy.decision import Decision

MOST_EXAMPLES: Final = 5  # of each kind of flip
NO_RULE: Final = "(no rule)"


@dataclass(frozen=True, slots=True)
class Example:
    """One decision that would be another."""

    queue_id: str
    at: datetime
    was: Decision
    becomes: Decision


@dataclass(slots=True)
class Flips:
    """Those from one outcome to another. rules: those that newly apply or no longer do, and how often."""

    was: str
    becomes: str
    count: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class Rehearsal:
    """All that was gone through."""

    decisions: int = 0
    messages: int = 0
    flips: dict[tuple[str, str], Flips] = field(default_factory=dict)

    def add(self, queue_id: str, at: datetime, was: Sequence[Decision], becomes: Sequence[Decision]) -> None:
        """Decisions on one message, each with what it would be."""
        self.messages += 1
        for old, new in zip(was, becomes, strict=True):
            self.decisions += 1
            before, after = outcome(old), outcome(new)
            if before == after:
                continue
            flips = self.flips.setdefault((before, after), Flips(before, after))
            flips.count += 1
            flips.rules.update({*old.rules} ^ {*new.rules} or {NO_RULE})
            if len(flips.examples) < MOST_EXAMPLES:
                flips.examples.append(Example(queue_id, at, old, new))

    @property
    def flipped(self) -> int:
        """Decisions that would be others."""
        return sum(flips.count for flips in self.flips.values())

    def most_first(self) -> Iterable[Flips]:
        """Kinds of flips, the most frequent first."""
        return sorted(self.flips.values(), key=lambda flips: (-flips.count, flips.was, flips.becomes))


def outcome(decision: Decision) -> str:
    """What becomes of a recipient's copy, in a few words: `hold`, or `protect: tls, portal`."""
    if not decision.methods:
        return decision.action.value
    return f"{decision.action}: {', '.join(decision.methods)}"
