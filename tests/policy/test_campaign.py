"""Whether a message is marketing: a row of 45 CFR 164.501 each, and what a reviewed campaign counts for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.campaign import (
    NO_CAMPAIGN,
    NO_MARKETING,
    About,
    Audience,
    Basis,
    Campaign,
    CampaignAnswer,
    Payment,
    answer,
    is_marketing,
)
from policy.purpose import PURPOSES

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SPRING = Campaign(
    name="spring", purpose="marketing", about=About.PRODUCT, payment=Payment.NONE, audience=Audience.PATIENTS,
    basis=Basis.NONE, recipients=(), reviewer="privacy", reviewed_at=NOW - DAY, document="0" * 64,
    recorded_by="privacy", recorded_at=NOW - DAY,
)  # fmt: skip
STUDY = replace(
    SPRING, name="study", purpose="research", about=About.STUDY, basis=Basis.DATA_USE,
    recipients=("university.example", "pi@lab.example"),
)  # fmt: skip
REVIEWED = CampaignAnswer(name="x", is_reviewed=True, payment=Payment.NONE, audience=Audience.PATIENTS)


@pytest.mark.parametrize(
    ("about", "payment", "expected"),
    [
        (About.PRODUCT, Payment.NONE, True),  # 45 CFR 164.501, marketing, (1)
        (About.PRODUCT, Payment.MORE, True),
        (About.REFILL, Payment.NONE, False),  # (2)(i)
        (About.REFILL, Payment.COST, False),  # (2)(i), reasonably related to cost
        (About.REFILL, Payment.MORE, True),
        (About.TREATMENT, Payment.NONE, False),  # (2)(ii)(A)
        (About.TREATMENT, Payment.COST, True),  # "financial remuneration", however little
        (About.TREATMENT, Payment.MORE, True),
        (About.OWN_SERVICE, Payment.NONE, False),  # (2)(ii)(B)
        (About.OWN_SERVICE, Payment.MORE, True),
        (About.CARE_COORDINATION, Payment.NONE, False),  # (2)(ii)(C)
        (About.CARE_COORDINATION, Payment.MORE, True),
        (About.HEALTH, Payment.MORE, False),  # of nobody's product
        (About.GIFTS, Payment.NONE, False),  # 164.514(f)
        (About.STUDY, Payment.NONE, False),  # 164.512(i)
    ],
)
@pytest.mark.parametrize("purpose", ["marketing", "treatment", "operations", "individual"])
def test_what_is_told_and_who_pays(purpose: str, about: About, payment: Payment, expected: bool) -> None:
    """A payment turns care into marketing whatever its sender calls it (78 FR 5592)."""
    campaign = replace(REVIEWED, about=about, payment=payment)
    assert is_marketing(purpose, campaign) is expected
    assert not is_marketing(purpose, replace(campaign, audience=Audience.PUBLIC))  # no patient's information is used


def test_each_exemption_names_its_source() -> None:
    assert set(NO_MARKETING) == set(About) - {About.PRODUCT}
    assert all(about is row.about and row.citation.startswith("45 CFR 164.5") for about, row in NO_MARKETING.items())


def test_without_a_review_the_purpose_alone_decides() -> None:
    assert is_marketing("marketing", NO_CAMPAIGN)
    assert not is_marketing("treatment", NO_CAMPAIGN)
    assert not is_marketing("research", replace(REVIEWED, about=About.PRODUCT))


CAMPAIGNS = st.builds(
    CampaignAnswer, is_reviewed=st.booleans(), about=st.sampled_from(About), payment=st.sampled_from(Payment),
    audience=st.sampled_from(Audience),
)  # fmt: skip


@given(st.sampled_from(sorted(PURPOSES)), CAMPAIGNS)
def test_more_pay_is_never_less_marketing(purpose: str, campaign: CampaignAnswer) -> None:
    """Total and monotone in what is paid."""
    amounts = [is_marketing(purpose, replace(campaign, payment=payment)) for payment in Payment]
    assert amounts == sorted(amounts)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"reviewed_at": NOW + DAY}, False),
        ({"expires_at": NOW}, False),
        ({"expires_at": NOW + DAY}, True),
        ({"ended_at": NOW}, False),
        ({"purpose": "fundraising"}, False),
    ],
)
def test_a_campaign_counts_for_its_time_and_purpose(change: dict[str, Any], counts: bool) -> None:
    found = answer(
        {"spring": replace(SPRING, **change)}, name="spring", purpose="marketing", recipient="a@b.example", at=NOW
    )
    assert found.is_reviewed is counts
    assert not answer({}, name="spring", purpose="marketing", recipient="a@b.example", at=NOW).is_reviewed


@pytest.mark.parametrize(
    ("recipient", "covered"),
    [
        ("x@university.example", True),
        ("pi@lab.example", True),
        ("x@lab.example", False),
        ("x@a.university.example", False),
    ],
)
def test_a_basis_is_for_those_whom_it_names(recipient: str, covered: bool) -> None:
    """45 CFR 164.514(e)(4)(ii)(B): the agreement says who may use the data; it is stretched to nobody."""
    found = answer({"study": STUDY}, name="study", purpose="research", recipient=recipient, at=NOW)
    assert (found.is_covered, found.basis) == (covered, Basis.DATA_USE)
    none = {"study": replace(STUDY, basis=Basis.NONE)}
    assert not answer(none, name="study", purpose="research", recipient=recipient, at=NOW).is_covered
