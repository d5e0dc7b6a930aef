"""What is kept of a decision decides as the facts did, and no long list of findings makes it long."""

from dataclasses import replace
from typing import Final

import pytest

from policy.decide import Facts, RecipientFacts, decide
from policy.decision import Action, Method
from policy.phi.report import Finding, Kind, Place, Report
from policy.record import MOST_SHOWN, keep
from policy.rules import Rule, RuleBook, parse_condition
from policy.rules.facts import FACTS

TO: Final = RecipientFacts(address="pat@b.example", methods=(Method.TLS, Method.PORTAL))


def facts(*certainties: float, kind: Kind = Kind.SSN) -> Facts:
    found = tuple(
        Finding(kind=kind, masked=f"***-{number}", place=Place(part="1", line=number), certainty=one, why="a cue")
        for number, one in enumerate(certainties, 1)
    )
    return Facts(report=Report(phi=True, score=0.9, findings=found), recipients=(TO,))


def rule(when: str) -> RuleBook:
    return RuleBook([Rule(name="r", when=parse_condition(when), action=Action.HOLD)])


@pytest.mark.parametrize("count", [0, 1, MOST_SHOWN, MOST_SHOWN + 1, 500])
def test_every_fact_that_a_rule_can_ask_is_the_same(count: int) -> None:
    """Item 13: a decision can be made again from its record. One certainty is on each side of "sure"."""
    given = facts(*(0.5 if number % 3 else 0.95 for number in range(count)))
    kept = keep(given, decide(given))
    for name, fact in FACTS.items():
        assert fact.read(kept.facts, TO) == fact.read(given, TO), name
    assert kept.found.get(Kind.SSN, 0) == count
    assert decide(kept.facts, rule("findings.ssn.sure >= 7")) == decide(given, rule("findings.ssn.sure >= 7"))


def test_the_surest_stay_whole_and_the_others_are_counted() -> None:
    """500 findings cost as much room as 20 and one line."""
    given = facts(*[0.6] * 480, *[0.9] * 20)
    kept = keep(given, ())
    assert {one.certainty for one in kept.thin.report.findings} == {0.9}
    assert kept.rest == ((Kind.SSN, 0.6, 480),)
    assert len(kept.thin.report.findings) == MOST_SHOWN


def test_few_findings_stay_as_they_are() -> None:
    given = facts(0.9, 0.4)
    assert keep(given, ()).facts is given
    assert keep(replace(given, report=replace(given.report, findings=())), ()).found == {}
