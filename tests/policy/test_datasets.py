"""How much fundraising and a limited data set may hold."""

import pytest

from policy.datasets import beyond
from policy.phi.report import Kind
from tests.policy.rules.facts_for import found

# The sixteen of 45 CFR 164.514(e)(2) as far as text shows them; images are not text.
SIXTEEN = {
    Kind.NAME, Kind.ADDRESS, Kind.PHONE, Kind.EMAIL, Kind.SSN, Kind.MRN, Kind.MEMBER_ID, Kind.ACCOUNT, Kind.LICENSE,
    Kind.VEHICLE, Kind.DEVICE, Kind.URL, Kind.IP_ADDRESS, Kind.BIOMETRIC, Kind.CARD, Kind.BANK_ACCOUNT,
}  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_a_limited_data_set_has_no_direct_identifier(kind: Kind) -> None:
    """45 CFR 164.514(e)(2): dates, ZIP codes, ages, other codes and all about health may stay."""
    assert beyond("research", (found(kind),), is_phi=True) == (kind in SIXTEEN)


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (Kind.NAME, True), (Kind.DOB, True), (Kind.SERVICE_DATE, True), (Kind.ADDRESS, True), (Kind.INSURANCE, True),
        (Kind.DIAGNOSIS, False), (Kind.DRUG, False), (Kind.LAB, False), (Kind.PROCEDURE, False), (Kind.HIV, False),
        (Kind.MRN, False), (Kind.SSN, False), (Kind.MEMBER_ID, False),
    ],
)  # fmt: skip
def test_fundraising_has_its_list(kind: Kind, allowed: bool) -> None:
    """45 CFR 164.514(f)(1)."""
    assert beyond("fundraising", (found(kind),), is_phi=True) == (not allowed)


def test_health_in_general_is_nobodys() -> None:
    """An appeal may speak of cancer; a number counts by itself, when it is likely one."""
    assert beyond("fundraising", (found(Kind.DIAGNOSIS),), is_phi=False) == 0
    assert beyond("fundraising", (found(Kind.MRN), found(Kind.SSN, 0.3)), is_phi=False) == 1
