"""A condition that has been read and found right: its text, its tree, and what it rests on."""

from dataclasses import dataclass, field

from policy.rules.check import check, fact_names
from policy.rules.errors import RuleError
from policy.rules.facts import FACTS
from policy.rules.parse import parse
from policy.rules.syntax import Node


@dataclass(frozen=True, slots=True)
class Condition:
    """text: as it was written. facts: names of what it asks for, in their order."""

    text: str
    tree: Node = field(repr=False)
    facts: tuple[str, ...] = field(repr=False)

    @property
    def is_about_recipient(self) -> bool:
        """Whether its answer can differ from one recipient of a message to another."""
        return any(FACTS[name].is_about_recipient for name in self.facts)

    def __str__(self) -> str:
        return self.text


def parse_condition(value: object) -> Condition:
    """Read the text of a condition. Raises: RuleError (a ValueError) with the column of what is wrong."""
    if isinstance(value, Condition):
        return value
    if not isinstance(value, str):
        raise RuleError(1, 'a condition is a text in quotes, such as "findings.ssn.count >= 10"')
    tree = parse(value)
    check(tree)
    return Condition(value, tree, fact_names(tree))
