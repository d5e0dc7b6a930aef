"""The rules that are measured are rules, and some of them apply to the message that they are measured on."""

from bench.rules import make_facts, make_rules
from policy.decide import decide
from policy.rules import RuleBook


def test_the_measured_rules_do_something() -> None:
    rules = make_rules(200)
    decisions = decide(make_facts(3), RuleBook(rules))
    assert len({rule.name for rule in rules}) == 200
    assert all(10 <= len(decision.rules) <= 50 for decision in decisions)
    assert sum(rule.when.is_about_recipient for rule in rules) >= 80
