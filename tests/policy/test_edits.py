"""What rules change in a message, and what they never do."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.baa import Agreement, Relation
from policy.consent import Consents
from policy.decide import decide
from policy.decision import Action, Method
from policy.edits import MASKABLE, UNTOUCHED, edits_of
from policy.facts import Facts, Sent
from policy.people import Position, Standing
from policy.rules import Rule, RuleBook
from policy.rules.book import STRICTNESS
from tests.policy.rules.facts_for import ALL_FACTS, CONDITIONS, facts, make

CHANGING = st.builds(
    lambda when, action, name, below, kinds, approvers: replace(
        make(when, action, name=name), disclaimer=below, redact=tuple(kinds), approvers=approvers, journal="a@k.example"
    ),
    st.sampled_from(CONDITIONS), st.sampled_from(STRICTNESS), st.sampled_from("abcdef"),
    st.sampled_from(["", "One.", "Two."]), st.lists(st.sampled_from(MASKABLE), max_size=3), st.sampled_from([1, 2]),
)  # fmt: skip
RULES = st.lists(CHANGING, max_size=5, unique_by=lambda rule: rule.name)


@pytest.mark.slow
@given(ALL_FACTS, RULES, st.randoms())
def test_order_never_matters(facts: Facts, rules: list[Rule], random: Random) -> None:
    """Rules are asked in any order, and one that is there twice counts once."""
    other = [*rules, *rules]
    random.shuffle(other)
    assert all(edits_of(facts, to, rules) == edits_of(facts, to, other) for to in facts.recipients)


@pytest.mark.slow
@given(ALL_FACTS, RULES, CHANGING)
def test_one_more_rule_never_changes_less(facts: Facts, rules: list[Rule], more: Rule) -> None:
    """Monotonic: what was held stays held, what was masked stays masked, what was put below stays there."""
    to = facts.recipients[0]
    before, after = edits_of(facts, to, rules), edits_of(facts, to, [*rules, replace(more, name="g")])
    assert after.held or not before.held
    if not after.held:
        assert set(before.below) <= set(after.below)
        assert before.kinds <= after.kinds


@pytest.mark.slow
@given(ALL_FACTS, RULES)
def test_care_and_the_individual_are_never_touched(facts: Facts, rules: list[Rule]) -> None:
    """45 CFR 164.502(b)(2); a payer treats nobody."""
    (to, *_) = facts.recipients
    to = replace(to, agreement=replace(to.agreement, relation=Relation.PROVIDER))
    for purpose in UNTOUCHED:
        assert not edits_of(replace(facts, sent=replace(facts.sent, purpose=purpose)), to, rules).changes


@pytest.mark.parametrize(
    ("purpose", "to", "is_touched"),
    [
        ("treatment", {}, False),
        ("treatment", {"agreement": Agreement(relation=Relation.PROVIDER)}, False),
        ("treatment", {"agreement": Agreement(relation=Relation.PAYER)}, True),
        ("payment", {"agreement": Agreement(relation=Relation.PROVIDER)}, True),
        ("payment", {"standing": Standing(patient="p", position=Position.SELF)}, False),
        ("payment", {"standing": Standing(patient="p", position=Position.REPRESENTATIVE)}, False),
        ("payment", {"standing": Standing(patient="p", position=Position.INVOLVED)}, True),
        ("payment", {"standing": Standing(patient="p", position=Position.SHARED)}, True),
        ("payment", {"standing": Standing(position=Position.SELF)}, True),
        ("operations", {"consents": Consents(authorized=True)}, False),
    ],
)
def test_what_is_never_touched_is_so_for_each_recipient(purpose: str, to: dict[str, Any], is_touched: bool) -> None:
    """45 CFR 164.502(b)(2): a provider who treats, the individual, who stands for them, the authorized."""
    rule = replace(make("true", "allow"), disclaimer="Below.")
    about = facts(sent=Sent(purpose=purpose))
    assert edits_of(about, replace(about.recipients[0], **to), [rule]).changes is is_touched


@pytest.mark.slow
@given(ALL_FACTS, RULES)
def test_what_is_signed_is_never_changed(facts: Facts, rules: list[Rule]) -> None:
    report = replace(facts.report, signed_by_author=True)
    assert not any(edits_of(replace(facts, report=report), to, rules).changes for to in facts.recipients)


@pytest.mark.slow
@given(ALL_FACTS, RULES, CHANGING)
def test_the_new_actions_lower_no_protection(facts: Facts, rules: list[Rule], more: Rule) -> None:
    """A rule that masks, copies or asks for two persons is as strict as one that does not; an archive is protected."""
    archive = replace(facts.recipients[0], address="archive@keep.example", is_archive=True)
    everybody = replace(facts, recipients=(*facts.recipients, archive))
    before = decide(everybody, RuleBook(rules))
    after = decide(everybody, RuleBook([*rules, replace(more, name="g")]))
    for one, other in zip(before, after, strict=True):
        assert other.protected or not one.protected
        assert STRICTNESS.index(other.action) >= STRICTNESS.index(Action.ALLOW)
        assert set(other.methods) <= {*one.methods, Method.PORTAL} or not one.protected  # portal-only is the strictest
    assert after[-1].protected
    assert after[-1].action is not Action.REJECT
