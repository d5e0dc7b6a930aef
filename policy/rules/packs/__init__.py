"""Rules that come with the program, one file a pack; `policy.packs` switches them on.

A rule of a pack is called `pack/rule`; a row of state law becomes one or two (`policy.rules.state_law`). It is read
once, with the package, and a wrong one is a bug: it raises.
"""

import functools
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from policy.decision import Action
from policy.rules.book import Rule
from policy.rules.condition import parse_condition
from policy.rules.state_law import Requirement, Row, rules_of
from policy.sensitivity import Sensitivity


class Pack(StrEnum):
    """What can be switched on; the value is the name of the file."""

    HIPAA_BASELINE = "hipaa-baseline"
    BULK_IDENTIFIERS = "bulk-identifiers"
    MASS_RECIPIENTS = "mass-recipients"
    EXECUTABLES = "executables"
    UNINSPECTABLE = "uninspectable"
    PERSONAL_MAIL = "personal-mail"
    CONSENT = "consent"
    PART2 = "part2"
    PSYCHOTHERAPY = "psychotherapy"
    STATE_LAW = "state-law"
    BUSINESS_ASSOCIATES = "business-associates"
    PURPOSE = "purpose"
    MARKETING = "marketing"
    FUNDRAISING = "fundraising"
    RESEARCH = "research"
    PEOPLE = "people"
    MISADDRESSED = "misaddressed"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A rule of a pack, and why it is in it."""

    rule: Rule
    why: str


@functools.cache
def load_pack(pack: Pack) -> tuple[Shipped, ...]:
    """The rules of a pack, in the order of the file."""
    text = files("policy.rules.packs").joinpath(f"{pack}.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    rows = [made for table in document.get("row", ()) for made in rules_of(_row(table), prefix=pack)]
    return (
        *(_read(pack, table) for table in document.get("rule", ())),
        *(Shipped(made.rule, made.why) for made in rows),
    )


def _read(pack: Pack, table: dict[str, Any]) -> Shipped:
    unless = table.get("unless")
    rule = Rule(
        name=f"{pack}/{table['name']}",
        when=parse_condition(table["when"].strip()),
        unless=None if unless is None else parse_condition(unless),
        action=Action(table["action"]),
        notice=table.get("notice", ""),
    )
    return Shipped(rule, table["why"])


def _row(table: dict[str, Any]) -> Row:
    about: dict[str, Any] = {name: tuple(table.get(name, ())) for name in ("but_for", "general_for")}
    about |= {"sensitivity": Sensitivity(table["class"]), "requirement": Requirement(table["requirement"])}
    return Row(**({key: value for key, value in table.items() if key != "class"} | about))
