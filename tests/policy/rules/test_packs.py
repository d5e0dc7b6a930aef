"""The packs: each rule holds for what it is meant for, and lets go what it is not."""

from dataclasses import replace

import pytest

from policy.decide import decide
from policy.decision import Action
from policy.facts import Facts, Sent
from policy.phi.report import Attached, Kind, Report
from policy.rules import RuleBook
from policy.rules.packs import Pack, load_pack
from tests.policy.rules.facts_for import UNREAD, facts, found

CLEAN = Report(phi=False, score=0.0)
PHI = Report(phi=True, score=0.9)
OUTSIDE = tuple(f"p{number}@there.example" for number in range(21))
INSIDE = tuple(f"p{number}@clinic.example" for number in range(21))
HOME = Sent(sender="jane.doe@clinic.example", our_domains=frozenset({"clinic.example"}))
FILE = Attached(type="application/zip", extension="zip", size=5)


def many(kind: Kind, count: int, certainty: float = 0.97) -> Report:
    return replace(CLEAN, findings=(found(kind, certainty),) * count)


def seen(count: int) -> Sent:
    return replace(HOME, visible=count)


ROWS: dict[str, tuple[tuple[Facts, bool], ...]] = {
    "hipaa-baseline/identifier": (
        (facts(report=many(Kind.MRN, 1)), True),
        (facts(report=many(Kind.SSN, 1)), True),
        (facts(report=many(Kind.SSN, 1, 0.65)), False),
        (facts(report=many(Kind.PHONE, 9)), False),
    ),
    "hipaa-baseline/many-outside": (
        (facts(*OUTSIDE, report=PHI), True),
        (facts(*OUTSIDE[:20], report=PHI), False),
        (facts(*INSIDE, report=PHI), False),
        (facts(*OUTSIDE, report=CLEAN), False),
    ),
    "hipaa-baseline/records-in-bulk": (
        (facts(report=many(Kind.MRN, 50)), True),
        (facts(report=many(Kind.DOB, 50)), True),
        (facts(report=many(Kind.MRN, 49)), False),
        (facts("a@clinic.example", report=many(Kind.MRN, 50)), False),
    ),
    "bulk-identifiers/some": (
        (facts(report=many(Kind.CARD, 1, 0.95)), True),
        (facts(report=many(Kind.CARD, 1, 0.6)), False),
        (facts(report=CLEAN), False),
    ),
    "bulk-identifiers/many": (
        (facts(report=many(Kind.SSN, 10, 0.65)), True),
        (facts(report=many(Kind.CARD, 10, 0.6)), True),
        (facts(report=many(Kind.SSN, 9)), False),
        (facts("a@clinic.example", report=many(Kind.SSN, 10)), False),
    ),
    "mass-recipients/protected": (
        (facts(*OUTSIDE[:6], report=PHI, sent=seen(11)), True),
        (facts(*OUTSIDE[:6], report=PHI, sent=seen(0)), False),
        (facts(*OUTSIDE[:6], report=CLEAN, sent=seen(11)), False),
        (facts(*INSIDE, report=PHI, sent=seen(21)), False),
    ),
    "mass-recipients/any": (
        (facts(*OUTSIDE, sent=seen(51)), True),
        (facts(*OUTSIDE, sent=seen(50)), False),
        (facts(*INSIDE, sent=seen(51)), False),
    ),
    "executables/runs": (
        (facts(report=replace(CLEAN, attached=(FILE, replace(FILE, is_executable=True)))), True),
        (facts("a@clinic.example", report=replace(CLEAN, attached=(replace(FILE, is_executable=True),))), True),
        (facts(report=replace(CLEAN, attached=(FILE,))), False),
    ),
    "executables/macros": (
        (facts(report=replace(CLEAN, attached=(replace(FILE, has_macros=True),))), True),
        (facts("a@clinic.example", report=replace(CLEAN, attached=(replace(FILE, has_macros=True),))), False),
        (facts(report=replace(CLEAN, attached=(FILE,))), False),
    ),
    "uninspectable/hold": (
        (facts(report=replace(CLEAN, uninspectable=(UNREAD,))), True),
        (facts(report=replace(CLEAN, uninspectable=(UNREAD,), encrypted=True)), False),
        (facts("a@clinic.example", report=replace(CLEAN, uninspectable=(UNREAD,))), False),
        (facts(report=CLEAN), False),
    ),
    "personal-mail/own-mailbox": (
        (facts("janedoe85@gmail.com", report=PHI, sent=HOME), True),
        (facts("jane.doe@web.de", report=replace(CLEAN, attachments=1), sent=HOME), True),
        (facts("jane.doe@gmail.com", report=CLEAN, sent=HOME), False),
        (facts("john.roe@gmail.com", report=PHI, sent=HOME), False),
        (facts("jane.doe@partner.example", report=PHI, sent=HOME), False),
    ),
}
ACTIONS = {
    "hipaa-baseline/identifier": Action.PROTECT,
    "bulk-identifiers/some": Action.PROTECT,
    "executables/runs": Action.REJECT,
}
SHIPPED = {one.rule.name: one for pack in Pack for one in load_pack(pack)}


@pytest.mark.parametrize("name", SHIPPED)
def test_each_rule(name: str) -> None:
    """Rows of messages, alone under this rule: those it is for, and those just beside them."""
    book = RuleBook([SHIPPED[name].rule])
    for number, (about, applies) in enumerate(ROWS[name]):
        for decision in decide(about, book):
            assert (decision.rules == (name,)) is applies, number
            if applies:
                assert decision.action is ACTIONS.get(name, Action.HOLD)


def test_every_rule_says_why() -> None:
    assert set(ROWS) == set(SHIPPED)
    for one in SHIPPED.values():
        assert one.why.endswith(".")


def test_all_packs_together_let_ordinary_mail_go() -> None:
    """A result to one patient, and a newsletter to colleagues: protected as ever, and nobody has to decide."""
    book = RuleBook([one.rule for one in SHIPPED.values()])
    (result,) = decide(facts("pat.roe@gmail.com", report=PHI, sent=seen(1)), book)
    assert result.action is Action.PROTECT
    assert {one.action for one in decide(facts(*INSIDE, report=CLEAN, sent=seen(21)), book)} == {Action.ALLOW}
