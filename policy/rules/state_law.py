"""State law as rows of a table: state, class, requirement, citation. Pure.

A row is data; what a requirement asks for is one of the few conditions below. Whose law speaks of a message is
configured (`domain.state`, a label's `state`), never guessed from an address. Where two states do, the rows of both
count. Rows come with the program (the pack `state-law`) and from the organisation (`[[policy.state_rule]]`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.decision import Action
from policy.rules.book import Rule
from policy.rules.condition import parse_condition
from policy.sensitivity import Sensitivity


class Requirement(StrEnum):
    """What a statute asks for before something leaves."""

    AUTHORIZATION = "authorization"
    AUTHORIZATION_BUT_FOR_TREATMENT = "authorization-but-for-treatment"
    NAMED_AUTHORIZATION = "named-authorization"
    NAMED_AUTHORIZATION_BUT_FOR_TREATMENT = "named-authorization-but-for-treatment"
    NO_PROCEEDINGS = "no-proceedings"


# It is to the person themselves, or to who acts for them; of whom the register does not know, the purpose is believed.
TO_THEMSELVES: Final = (
    '(purpose in ["individual", "access"] and recipient.position in ["self", "representative", "unknown"])'
)
# What an authorization has to name expressly where a general one is not enough.
NAMED: Final[Mapping[Sensitivity, str]] = {
    Sensitivity.HIV: "hiv",
    Sensitivity.REPRODUCTIVE: "reproductive",
    Sensitivity.PART2: "substance_use",
    Sensitivity.PSYCHOTHERAPY: "mental_health",
}
_BY_LAW: Final = f'not {TO_THEMSELVES} and not purpose in ["public-health", "required-by-law"]'
_BUT_FOR_TREATMENT: Final = f'{_BY_LAW} and purpose != "treatment"'
_NAMED: Final = 'not (consent.authorized and (consent.topics contains "{topic}" or {general}))'
# When a message is held. To the person themselves, and what a law requires, goes always; a purpose that nobody said is
# none of those that a statute lets pass. {topic}: of the class, as in NAMED; {general}: as in `Row.general_for`.
HELD_WHEN: Final[Mapping[Requirement, str]] = {
    Requirement.AUTHORIZATION: f"not consent.authorized and {_BY_LAW}",
    Requirement.AUTHORIZATION_BUT_FOR_TREATMENT: f"not consent.authorized and {_BUT_FOR_TREATMENT}",
    Requirement.NAMED_AUTHORIZATION: f"{_NAMED} and {_BY_LAW}",
    Requirement.NAMED_AUTHORIZATION_BUT_FOR_TREATMENT: f"{_NAMED} and {_BUT_FOR_TREATMENT}",
    Requirement.NO_PROCEEDINGS: 'purpose in ["judicial", "law-enforcement", "oversight", "unknown"]',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statute. name: letters that `policy.rule` names may have. state: as `policy.sensitivity.STATE`, such as NY.

    but_for: purposes that it lets pass besides, words of X-Mailward-Purpose; general_for: those for which a general
    authorization is enough where else one has to name the class. why: in words; citation: where it stands; notice: text
    that the statute wants below what goes out, and notice_citation: where that stands; empty: none.
    """

    name: str
    state: str
    sensitivity: Sensitivity
    requirement: Requirement
    citation: str
    but_for: tuple[str, ...] = ()
    general_for: tuple[str, ...] = ()
    why: str = ""
    notice: str = ""
    notice_citation: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A rule of a row, and why it is there."""

    rule: Rule
    why: str


def rules_of(row: Row, *, prefix: str) -> tuple[Made, ...]:
    """The rules of one row: what holds, and what puts a notice below. prefix: of their names."""
    name = f"{prefix}/{row.name}"
    about = f'states contains "{row.state}" and sensitivity contains "{row.sensitivity}" and not recipient.ours'
    asks = HELD_WHEN[row.requirement].replace("{topic}", NAMED[row.sensitivity])
    asks = asks.replace("{general}", _is_for(row.general_for))
    held = parse_condition(f"{about} and {asks} and not {_is_for(row.but_for)}")
    made = [Made(Rule(name=name, when=held, action=Action.HOLD), f"{row.why or row.requirement} ({row.citation}).")]
    if row.notice:
        outside = parse_condition(f"{about} and not {TO_THEMSELVES}")
        rule = Rule(name=f"{name}/notice", when=outside, action=Action.PROTECT, notice=row.notice)
        made.append(Made(rule, f"What goes out carries a statement ({row.notice_citation or row.citation})."))
    return tuple(made)


def _is_for(purposes: tuple[str, ...]) -> str:
    return f"purpose in [{', '.join(map(repr, purposes))}]" if purposes else "false"
