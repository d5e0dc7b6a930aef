"""The version of a policy: the same for the same policy, another for any change that can change a decision."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from policy.decision import Action, PolicyDefault
from policy.rules import Rule, RuleBook, parse_condition
from policy.rules.version import PolicyVersion, version_of

ONE: Final = Rule(name="one", when=parse_condition("findings.ssn.count >= 10"), action=Action.HOLD)
TWO: Final = Rule(name="two", when=parse_condition("phi"), action=Action.PROTECT, notify=("privacy@clinic.example",))


def version(*rules: Rule, **changes: Any) -> PolicyVersion:
    told = {"default": PolicyDefault.PROTECT_PHI, "domains": {}, "program": "1.0"} | changes
    return version_of(RuleBook(rules), **told)


def test_order_does_not_count() -> None:
    assert version(ONE, TWO) == version(TWO, ONE)


@pytest.mark.parametrize(
    "other",
    [
        version(ONE),
        version(ONE, replace(TWO, action=Action.HOLD)),
        version(ONE, replace(TWO, unless=parse_condition("tagged"))),
        version(replace(ONE, when=parse_condition("findings.ssn.count >= 11")), TWO),
        version(ONE, replace(TWO, notify=())),
        version(ONE, TWO, default=PolicyDefault.PROTECT_ALL),
        version(ONE, TWO, domains={"clinic.example": PolicyDefault.PROTECT_ALL}),
        version(ONE, TWO, program="1.1"),
    ],
)
def test_any_change_counts(other: PolicyVersion) -> None:
    assert other.id != version(ONE, TWO).id


def test_the_body_says_it_all() -> None:
    """Years later somebody reads it without the program."""
    told = json.loads(version(ONE).body)
    assert told["rules"]["one"]["when"] == "findings.ssn.count >= 10"
    assert told["rules"]["one"]["action"] == "hold"
    assert told["rules"]["one"]["unless"] is None
