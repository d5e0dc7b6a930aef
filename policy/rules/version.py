"""Which policy made a decision: the text of all that decides, and its hash. Pure.

Two installations with the same rules in any order have the same version; another release of the program has another
one, because facts may mean more in it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from policy.decision import PolicyDefault
from policy.rules.book import RuleBook
from policy.rules.condition import Condition


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """id: SHA-256 of the body, hexadecimal. body: JSON with sorted keys: `program`, `default`, `domains`, `rules`."""

    id: str
    body: str


def version_of(
    rules: RuleBook, *, default: PolicyDefault, domains: Mapping[str, PolicyDefault], program: str
) -> PolicyVersion:
    """domains: those with a default of their own. program: the version of Mailward."""
    told = {
        "program": program,
        "default": default.value,
        "domains": {name: own.value for name, own in domains.items()},
        "rules": {
            rule.name: {one.name: _plain(getattr(rule, one.name)) for one in fields(rule)} for rule in rules.rules
        },
    }
    body = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return PolicyVersion(hashlib.sha256(body.encode()).hexdigest(), body)


def _plain(value: Any) -> Any:
    """A field of a rule as JSON has it: a condition is the text as it was written."""
    match value:
        case Condition():
            return value.text
        case Enum():
            return value.value
        case frozenset() | set():
            return sorted(map(_plain, value))
        case tuple() | list():
            return [_plain(one) for one in value]
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)
