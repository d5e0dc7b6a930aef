"""What the law asks of commercial mail."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.commercial import footer, is_commercial, last_day
from policy.facts import Sent
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


def test_what_merely_reads_like_an_offer_promises_no_opt_out() -> None:
    """An opt-out that nothing asks about would be a promise that is not kept (15 U.S.C. 7704(a)(4))."""
    sent = Sent(purpose="marketing", purpose_source=PurposeSource.CONTENT, our_domains=OURS)
    about = facts("pat@there.example", sent=sent)
    assert not is_commercial(about, about.recipients[0])
    about = replace(about, sent=replace(sent, purpose_source=PurposeSource.LABEL))
    assert is_commercial(about, about.recipients[0])
