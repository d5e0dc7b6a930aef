"""What the register of organisations says of a recipient's domain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policy.baa import NO_AGREEMENT, Agreement, Organisation, Relation, answer
from policy.consent import ANY

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BILLING = Organisation(
    name="Billing Ltd", relation=Relation.ASSOCIATE, domains=("billing.example",), purposes=("payment",),
    agreed_at=NOW - DAY, is_qsoa=True, recorded_by="privacy", recorded_at=NOW,
)  # fmt: skip
STANDS = Agreement(relation=Relation.ASSOCIATE, in_force=True, permits=True, qsoa=True)
LAPSED = Agreement(relation=Relation.ASSOCIATE)


def ask(one: Organisation, domain: str = "billing.example", purpose: str = "payment") -> Agreement:
    return answer(dict.fromkeys(one.domains, one), domain=domain, purpose=purpose, at=NOW)


def test_a_domain_and_those_below_it() -> None:
    assert ask(BILLING) == ask(BILLING, "a.b.billing.example") == STANDS
    assert ask(BILLING, "notbilling.example") == ask(BILLING, "example") == ask(BILLING, "") == NO_AGREEMENT
    below = replace(BILLING, name="Below", relation=Relation.PAYER, agreed_at=None)
    register = {"billing.example": BILLING, "pay.billing.example": below}
    found = answer(register, domain="x.pay.billing.example", purpose="payment", at=NOW)
    assert found == Agreement(relation=Relation.PAYER)


def test_a_purpose_that_is_not_permitted() -> None:
    assert ask(BILLING, purpose="marketing") == ask(BILLING, purpose="unknown") == replace(STANDS, permits=False)
    assert ask(replace(BILLING, purposes=(ANY,)), purpose="unknown") == STANDS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"agreed_at": None}, LAPSED),
        ({"agreed_at": NOW + DAY}, LAPSED),
        ({"expires_at": NOW}, LAPSED),
        ({"ended_at": NOW}, LAPSED),
        ({"expires_at": NOW + DAY}, STANDS),
        ({"is_qsoa": False}, replace(STANDS, qsoa=False)),
    ],
)
def test_in_force(change: dict[str, object], expected: Agreement) -> None:
    assert ask(replace(BILLING, **change)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "within"), [(61, None), (60, 60), (31, 60), (30, 30), (7, 7), (1, 7), (0, None), (-1, None)]
)
def test_warnings_before_it_ends(left: int, within: int | None) -> None:
    """At 60, 30 and 7 days; what has ended is none that ends soon."""
    span = replace(BILLING, expires_at=NOW + left * DAY).expires_within(NOW)
    assert span == (None if within is None else within * DAY)
