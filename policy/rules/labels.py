"""Labels of the configuration: what messages of a credential, a domain or a kind are, before rules and registers speak.

A label asks only for what is known by then: neither recipients one by one nor registers, nor what labels settle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policy.facts import Facts
from policy.rules.condition import Condition
from policy.rules.evaluate import compile_condition
from policy.rules.facts import FACTS, read_all
from policy.sensitivity import Sensitivity

SETTLED_LATER: Final = frozenset({"purpose", "campaign", "patient", "marketing", "research", "sensitivity", "states"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Where `when` holds, the message is for this purpose, of this class, under the law of this state, where named."""

    name: str
    when: Condition
    purpose: str = ""
    sensitivity: Sensitivity | None = None
    state: str = ""


def unaskable(condition: Condition) -> tuple[str, ...]:
    """The facts of a condition that no label can ask for."""
    return tuple(
        name for name in condition.facts if FACTS[name].is_about_recipient or name.partition(".")[0] in SETTLED_LATER
    )


class LabelBook:
    """Labels, ready to be asked. facts: names of all that any of them asks for."""

    def __init__(self, labels: Sequence[Label] = ()) -> None:
        names = list(dict.fromkeys(name for label in labels for name in label.when.facts))
        places = {name: place for place, name in enumerate(names)}
        self.labels = tuple(labels)
        self.facts = frozenset(names)
        self._asked = [FACTS[name] for name in names]
        self._ready = [(label, compile_condition(label.when.tree, places)) for label in labels]

    def fitting(self, facts: Facts) -> tuple[Label, ...]:
        """Those whose condition holds."""
        if not self._ready:
            return ()
        row = read_all(facts, self._asked)
        return tuple(label for label, holds in self._ready if holds(row))


NO_LABELS: Final = LabelBook()
