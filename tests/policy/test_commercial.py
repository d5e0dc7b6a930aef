"""What the law asks of commercial mail."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.commercial import BY_BODY, BY_SUBJECT, footer, is_commercial, last_day, unsaid
from policy.facts import Sent
from policy.phi.report import Finding, Kind, Place, Report, Sign, SignKind
from policy.purpose import PurposeSource
from tests.policy.rules.facts_for import facts

OURS = frozenset({"clinic.example"})


@pytest.mark.parametrize(
    ("purpose", "to", "expected"),
    [
        ("marketing", "b@there.example", True),
        ("Marketing", "b@there.example", True),
        ("marketing", "b@clinic.example", False),
        ("treatment", "b@there.example", False),
        ("fundraising", "b@there.example", False),
        ("", "b@there.example", False),
    ],
)
def test_what_is_commercial(purpose: str, to: str, expected: bool) -> None:
    """16 CFR 316.3: by the primary purpose; mail among colleagues is none."""
    about = facts(to, sent=Sent(purpose=purpose, our_domains=OURS))
    assert is_commercial(about, about.recipients[0]) is expected


def test_the_notice_goes_when_somebody_consented() -> None:
    """15 U.S.C. 7704(a)(5)(B)."""
    words = {"organisation": "Clinic A", "url": "https://x.example/u", "postal_address": "1 Main Street"}
    assert footer(**words, is_advertisement=True).startswith("This is an advertisement from Clinic A.\n")
    consented = footer(**words, is_advertisement=False)
    assert "advertisement" not in consented
    assert consented.endswith("To get no more such mail, open https://x.example/u\n1 Main Street")


@pytest.mark.parametrize(
    ("received", "last"),
    [
        (date(2026, 11, 24), date(2026, 12, 8)),  # a Tuesday
        (date(2026, 11, 27), date(2026, 12, 11)),  # a Friday
        (date(2026, 11, 28), date(2026, 12, 11)),  # a Saturday
        (date(2026, 11, 29), date(2026, 12, 11)),
    ],
)
def test_ten_business_days(received: date, last: date) -> None:
    """15 U.S.C. 7704(a)(4)(A)."""
    assert last_day(received) == last


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_clock_is_never_long(received: date) -> None:
    assert 12 <= (last_day(received) - received).days <= 14


def test_who_is_outside_gets_it_and_nobody_else() -> None:
    """Each by itself: a colleague or an archive needs no way out."""
    about = facts("b@clinic.example", "c@there.example", sent=Sent(purpose="marketing", our_domains=OURS))
    assert [is_commercial(about, to) for to in about.recipients] == [False, True]
    assert not is_commercial(about, replace(about.recipients[1], is_archive=True))


def sign(phrase: str, part: str = "1", line: int = 1) -> Sign:
    return Sign(kind=SignKind.OFFER, phrase=phrase, place=Place(part=part, line=line))


def care(part: str = "1", line: int = 1) -> Finding:
    return Finding(kind=Kind.LAB, masked="", place=Place(part=part, line=line), certainty=0.9, why="")


BUY, CODE = sign("buy now", line=3), sign("promo code", line=4)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (Report(phi=False, score=0, signs=(BUY, CODE)), BY_BODY),  # (a)(1): nothing else is in it
        (Report(phi=True, score=0.9, signs=(BUY, CODE), findings=(care(line=2),)), ""),  # (a)(2): care comes first
        (Report(phi=True, score=0.9, signs=(BUY, CODE), findings=(care(line=5),)), BY_BODY),  # (a)(2)(ii)
        (Report(phi=False, score=0.1, signs=(BUY, CODE), findings=(care(line=2),)), BY_BODY),  # of nobody: no care
        (
            Report(phi=True, score=0.9, signs=(sign("special offer", "subject", 0), BUY), findings=(care(line=2),)),
            BY_SUBJECT,  # (a)(2)(i), (3)(i)
        ),
        (Report(phi=True, score=0.9, signs=(sign("buy now", "2"), CODE), findings=(care("1.1", 9),)), BY_BODY),
        (Report(phi=True, score=0.9, signs=(sign("buy now", "2"), sign("coupon", "10")), findings=(care("1.1"),)), ""),
        (Report(phi=True, score=0.9, signs=(BUY, CODE), findings=(care("subject", 0),)), BY_BODY),
        (Report(phi=False, score=0), ""),
    ],
)
def test_what_reads_like_an_offer_is_asked_for(report: Report, expected: str) -> None:
    """16 CFR 316.3(a): by the subject line, and by what stands at the beginning of the body."""
    sent = Sent(purpose="marketing", purpose_source=PurposeSource.CONTENT, our_domains=OURS)
    about = facts("pat@there.example", "boss@clinic.example", report=report, sent=sent)
    outside, inside = about.recipients
    assert unsaid(about, outside) == expected
    assert not unsaid(about, inside)
    assert not unsaid(about, replace(outside, is_archive=True))
    for source in {*PurposeSource} - {PurposeSource.CONTENT}:
        assert not unsaid(replace(about, sent=replace(sent, purpose_source=source)), outside)


def test_what_merely_reads_like_an_offer_promises_no_opt_out() -> None:
    """An opt-out that nothing asks about would be a promise that is not kept (15 U.S.C. 7704(a)(4))."""
    sent = Sent(purpose="marketing", purpose_source=PurposeSource.CONTENT, our_domains=OURS)
    about = facts("pat@there.example", sent=sent)
    assert not is_commercial(about, about.recipients[0])
    about = replace(about, sent=replace(sent, purpose_source=PurposeSource.LABEL))
    assert is_commercial(about, about.recipients[0])
