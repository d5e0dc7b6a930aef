"""The packs: each rule holds for what it is meant for, and lets go what it is not."""

from dataclasses import replace

import pytest

from policy.baa import NO_AGREEMENT, Agreement, Relation
from policy.binding import Binding
from policy.consent import Consents
from policy.decide import decide
from policy.decision import Action, Method
from policy.facts import UNASKED, Facts, RecipientFacts, Sent
from policy.phi.report import Attached, Kind, Report, Said
from policy.rules import RuleBook
from policy.rules.packs import Pack, load_pack
from tests.policy.rules.class_rows import ROWS as CLASS_ROWS
from tests.policy.rules.facts_for import UNREAD, facts, found, to
from tests.policy.rules.purpose_rows import ROWS as PURPOSE_ROWS

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


ASKED = Consents(opted_out=False, confidential=False, restricted=False)  # the register was asked, and has nothing
BAA = Agreement(relation=Relation.ASSOCIATE, in_force=True, permits=True)


def bound(binding: Binding, *, segment: str = "", whom: str = "pat@there.example") -> Facts:
    report = replace(CLEAN, said=Said(segment=segment))
    return replace(facts(report=report), recipients=(to(whom, binding=binding),))


def told(
    consents: Consents = UNASKED, agreement: Agreement = NO_AGREEMENT, *, report: Report = CLEAN, purpose: str = "",
    whom: str = "pat@there.example",
) -> Facts:  # fmt: skip
    """A message to one recipient of whom the registers say this."""
    methods = (Method.TLS, Method.PORTAL)
    about = RecipientFacts(address=whom, methods=methods, consents=consents, agreement=agreement)
    return Facts(report=report, recipients=(about,), sent=replace(HOME, purpose=purpose))


OTHERS = PURPOSE_ROWS | CLASS_ROWS
ROWS: dict[str, tuple[tuple[Facts, bool], ...]] = OTHERS | {
    "hipaa-baseline/identifier": (
        (facts(report=many(Kind.MRN, 1)), True),
        (facts(report=many(Kind.SSN, 1)), True),
        (facts(report=many(Kind.SSN, 1, 0.65)), False),
        (facts(report=many(Kind.PHONE, 9)), False),
        (told(replace(ASKED, unencrypted=True), purpose="access", report=many(Kind.MRN, 1)), False),
        (told(replace(ASKED, unencrypted=True), purpose="payment", report=many(Kind.MRN, 1)), True),
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
    "consent/authorization": (
        (told(purpose="authorized"), True),  # nobody asked the register
        (told(ASKED, purpose="authorized"), True),
        (told(replace(ASKED, part2=True), purpose="authorized"), True),
        (told(replace(ASKED, authorized=True), purpose="authorized"), False),
        (told(ASKED, purpose="treatment"), False),
        (told(ASKED, purpose="authorized", whom="a@clinic.example"), False),
    ),
    "consent/opt-out": (
        (told(purpose="fundraising"), True),  # nobody asked the register
        (told(replace(ASKED, opted_out=True), purpose="marketing"), True),
        (told(replace(ASKED, opted_out=True), purpose="treatment"), False),
        (told(ASKED, purpose="fundraising"), False),
    ),
    "consent/confidential": (
        (told(report=PHI), True),  # nobody asked the register
        (told(replace(ASKED, confidential=True), report=PHI), True),
        (told(replace(ASKED, confidential=True)), False),
        (told(ASKED, report=PHI), False),
    ),
    "consent/restriction": (
        (told(purpose="payment", report=PHI), True),  # nobody asked the register
        (told(replace(ASKED, restricted=True), purpose="payment", report=PHI), True),
        (told(replace(ASKED, restricted=True), report=PHI), True),  # nobody said what it is for
        (told(replace(ASKED, restricted=True), purpose="payment"), False),
        (told(replace(ASKED, restricted=True), purpose="payment", report=PHI, whom="a@clinic.example"), False),
        (told(replace(ASKED, restricted=True), purpose="individual", report=PHI), False),
        (told(ASKED, purpose="payment", report=PHI), False),
    ),
    "consent/plain-mail": (
        (told(purpose="access", report=PHI), True),  # nobody asked the register
        (told(ASKED, purpose="individual"), True),
        (told(replace(ASKED, unencrypted=True), purpose="individual", report=PHI), False),
        (told(ASKED, purpose="payment"), False),
    ),
    "business-associates/ended": (
        (told(ASKED, replace(BAA, in_force=False, permits=False), report=PHI), True),
        (told(ASKED, BAA, report=PHI), False),
        (told(ASKED, Agreement(relation=Relation.PAYER), report=PHI), False),
        (told(ASKED, replace(BAA, in_force=False, permits=False)), False),
    ),
    "business-associates/purpose": (
        (told(ASKED, replace(BAA, permits=False), report=PHI, purpose="marketing"), True),
        (told(ASKED, BAA, report=PHI, purpose="operations"), False),
        (told(ASKED, Agreement(relation=Relation.PROVIDER), report=PHI, purpose="treatment"), False),
    ),
    "business-associates/no-agreement": (
        (told(report=PHI, purpose="operations"), True),  # nobody asked the register
        (told(ASKED, NO_AGREEMENT, report=PHI, purpose="treatment"), False),
        (told(ASKED, NO_AGREEMENT, purpose="operations"), False),
        (told(ASKED, BAA, report=PHI, purpose="operations"), False),
        (told(ASKED, Agreement(relation=Relation.PROVIDER), report=PHI, purpose="operations"), False),
    ),
    "misaddressed/other-patient": (
        (bound(Binding(is_other_patient=True)), True),
        (bound(Binding()), False),
        (bound(Binding(is_other_patient=True), whom="pat@clinic.example"), False),
    ),
    "misaddressed/outside-segment": (
        (bound(Binding(), segment="spring"), True),
        (bound(Binding(in_segment=True), segment="spring"), False),
        (bound(Binding()), False),
    ),
}
ACTIONS = {
    "marketing/authorization": Action.REJECT,
    "marketing/opted-out": Action.REJECT,
    "fundraising/opted-out": Action.REJECT,
    "people/shared-address": Action.PORTAL_ONLY,
    "hipaa-baseline/identifier": Action.PROTECT,
    "bulk-identifiers/some": Action.PROTECT,
    "executables/runs": Action.REJECT,
    "consent/confidential": Action.PORTAL_ONLY,
    "consent/plain-mail": Action.PROTECT,
    "part2/notice": Action.PROTECT,
    "part2/to-the-patient": Action.PROTECT,
    "state-law/ny-hiv/notice": Action.PROTECT,
    "state-law/ct-hiv/notice": Action.PROTECT,
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
    asked = replace(to("pat.roe@gmail.com"), consents=ASKED)
    (result,) = decide(replace(facts(report=PHI, sent=seen(1)), recipients=(asked,)), book)
    assert result.action is Action.PROTECT
    assert {one.action for one in decide(facts(*INSIDE, report=CLEAN, sent=seen(21)), book)} == {Action.ALLOW}
