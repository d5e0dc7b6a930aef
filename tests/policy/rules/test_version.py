"""The version of a policy: the same for the same policy, another for any change that can change a decision."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from policy.decision import Action, PolicyDefault
from policy.rules import Rule, RuleBook, parse_condition
from policy.rules.labels import Label, LabelBook
from policy.rules.version import PolicyVersion, version_of
from policy.sensitivity import Sensitivity

ONE: Final = Rule(name="one", when=parse_condition("findings.ssn.count >= 10"), action=Action.HOLD)
TWO: Final = Rule(name="two", when=parse_condition("phi"), action=Action.PROTECT, notify=("privacy@clinic.example",))

LABEL: Final = Label(name="news", when=parse_condition('login == "crm"'), purpose="marketing")


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
        version(ONE, TWO, labels=LabelBook([LABEL])),
        version(ONE, TWO, states={"clinic.example": "NY"}),
        version(ONE, replace(TWO, notice="It is protected.")),
    ],
)
def test_any_change_counts(other: PolicyVersion) -> None:
    assert other.id != version(ONE, TWO).id


@pytest.mark.parametrize(
    "other",
    [
        replace(LABEL, purpose="treatment"),
        replace(LABEL, when=parse_condition('login == "ehr"')),
        replace(LABEL, sensitivity=Sensitivity.HIV),
        replace(LABEL, state="NY"),
    ],
)
def test_any_change_of_a_label_counts(other: Label) -> None:
    """What a message is for decides as much as a rule does."""
    assert version(ONE, labels=LabelBook([other])).id != version(ONE, labels=LabelBook([LABEL])).id


def test_the_order_of_labels_does_not_count() -> None:
    other = replace(LABEL, name="other")
    assert version(labels=LabelBook([LABEL, other])) == version(labels=LabelBook([other, LABEL]))


def test_the_body_says_it_all() -> None:
    """Years later somebody reads it without the program."""
    told = json.loads(version(ONE).body)
    assert told["rules"]["one"]["when"] == "findings.ssn.count >= 10"
    assert told["rules"]["one"]["action"] == "hold"
    assert told["rules"]["one"]["unless"] is None
    told = json.loads(version(ONE, labels=LabelBook([LABEL])).body)
    assert told["labels"]["news"] | {"when": 'login == "crm"', "purpose": "marketing"} == told["labels"]["news"]
