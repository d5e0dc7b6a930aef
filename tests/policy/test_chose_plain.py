"""A patient's own recorded choice of plain mail: the one exception to invariant 1, and all that it does not cover."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.consent import Consents
from policy.decide import decide
from policy.decision import Action, Method, PolicyDefault
from policy.facts import Facts, RecipientFacts, Sent
from policy.phi.report import Kind, Report
from policy.rules import RuleBook
from policy.sensitivity import Sensitivity
from tests.policy.rules.facts_for import ALL_FACTS, UNREAD, found, make

CHOSE = Consents(unencrypted=True, opted_out=False, confidential=False, restricted=False)
PAT = RecipientFacts(address="pat@b.example", methods=(Method.TLS, Method.PORTAL), consents=CHOSE)
REPORT = Report(phi=True, score=0.9, findings=(found(Kind.MRN), found(Kind.DOB), found(Kind.LAB), found(Kind.LAB)))
FACTS = Facts(report=REPORT, recipients=(PAT,), sent=Sent(purpose="access"))


def test_it_leaves_as_plain_mail_and_says_why() -> None:
    """45 CFR 164.522(b); TLS is still tried first, and the trace names the register."""
    for purpose in ("access", "Individual"):
        (decision,) = decide(replace(FACTS, sent=Sent(purpose=purpose)))
        assert (decision.action, decision.protected, decision.methods) == (Action.ALLOW, False, (Method.TLS,))
        assert "chose plain mail after a warning (consent register" in decision.trace[0]
        assert decision.trace[-1] == "It leaves over TLS where the next hop offers it."


def report(**changes: object) -> Facts:
    return replace(FACTS, report=replace(REPORT, **changes))  # type: ignore[arg-type]


BESIDE = {
    "nobody asked the register": replace(FACTS, recipients=(replace(PAT, consents=Consents()),)),
    "nobody recorded it": replace(FACTS, recipients=(replace(PAT, consents=replace(CHOSE, unencrypted=False)),)),
    "it was taken back for the portal": replace(
        FACTS, recipients=(replace(PAT, consents=replace(CHOSE, confidential=True)),)
    ),
    "the purpose is another": replace(FACTS, sent=Sent(purpose="treatment")),
    "the purpose is unknown": replace(FACTS, sent=Sent()),
    "somebody else gets it, too": replace(FACTS, recipients=(PAT, replace(PAT, address="c@d.example"))),
    "somebody else got it": replace(FACTS, everybody=(PAT.address, "c@d.example")),
    "it is mass mail": report(bulk=True),
    "two patients are in it": report(findings=(found(Kind.MRN), found(Kind.MRN))),
    "it is of a sensitive topic": report(findings=(found(Kind.HIV, 0.3),)),
    "the sender tagged it": report(tagged=True),
    "something could not be read": report(uninspectable=(UNREAD,)),
    "it is encrypted": report(encrypted=True),
    "the sender asked for a method": report(lowest_method=Method.TLS),
    "it is of a legal class": replace(
        FACTS, sent=replace(FACTS.sent, sensitivity=(Sensitivity.HIV,), sensitivity_why=("A label says so.",))
    ),
    "it is REQUIRETLS": replace(FACTS, requiretls=True),
    "everything is protected": replace(FACTS, default=PolicyDefault.PROTECT_ALL),
}


@pytest.mark.parametrize("why", BESIDE)
def test_what_it_does_not_cover(why: str) -> None:
    assert all(decision.protected for decision in decide(BESIDE[why]))


@pytest.mark.parametrize("action", [Action.PROTECT, Action.REQUIRE_TLS, Action.PORTAL_ONLY])
def test_a_rule_that_asks_for_more_has_it(action: Action) -> None:
    """The strictest action wins, over the patient's choice, too."""
    (decision,) = decide(FACTS, RuleBook([make("phi", action)]))
    assert (decision.action, decision.protected) == (action, True)


@pytest.mark.slow
@given(ALL_FACTS, st.sampled_from(["", "access", "treatment"]))
def test_nothing_else_in_the_registers_lowers(facts: Facts, purpose: str) -> None:
    """Whatever is recorded, only this choice makes a protected message plain."""
    everything = Consents(authorized=True, part2=True, opted_out=False, confidential=False)
    told = replace(
        facts,
        sent=replace(facts.sent, purpose=purpose),
        recipients=tuple(replace(one, consents=everything) for one in facts.recipients),
    )
    untold = replace(told, recipients=facts.recipients)
    assert [one.protected for one in decide(told)] == [one.protected for one in decide(untold)]
