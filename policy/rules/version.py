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

from policy.decision import Action, PolicyDefault
from policy.rules.book import Rule, RuleBook
from policy.rules.condition import Condition, parse_condition
from policy.rules.labels import NO_LABELS, Label, LabelBook


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """id: SHA-256 of the body, hexadecimal. body: JSON with sorted keys: `program`, `default`, `domains`, `labels`,
    `rules`; of a label and a rule, every field by its name."""

    id: str
    body: str


def version_of(
    rules: RuleBook,
    *,
    default: PolicyDefault,
    domains: Mapping[str, PolicyDefault],
    program: str,
    labels: LabelBook = NO_LABELS,
    states: Mapping[str, str] | None = None,
) -> PolicyVersion:
    """domains: those with a default of their own. program: the version of Mailward. states: of domains, if any."""
    told = {
        "program": program,
        "default": default.value,
        "domains": {name: own.value for name, own in domains.items()},
        "states": {**(states or {})},
        "labels": {label.name: _fields(label) for label in labels.labels},
        "rules": {rule.name: _fields(rule) for rule in rules.rules},
    }
    body = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return PolicyVersion(hashlib.sha256(body.encode()).hexdigest(), body)


@dataclass(frozen=True, slots=True)
class OldPolicy:
    """A policy of the past. unread: rules that ask for what this release does not know."""

    rules: RuleBook
    unread: tuple[str, ...] = ()


def read_policy(body: str) -> OldPolicy:
    """The rules of a body, as far as what they decide goes."""
    found, unread = list[Rule](), list[str]()
    for name, told in sorted(json.loads(body or "{}").get("rules", {}).items()):
        try:
            unless = None if told["unless"] is None else parse_condition(told["unless"])
            found.append(
                Rule(name=name, when=parse_condition(told["when"]), unless=unless, action=Action(told["action"]))
            )
        except (ValueError, KeyError):  # a fact or an action of another release
            unread.append(name)
    return OldPolicy(RuleBook(found), tuple(unread))


def _fields(one: Rule | Label) -> dict[str, Any]:
    return {field.name: _plain(getattr(one, field.name)) for field in fields(one)}


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
