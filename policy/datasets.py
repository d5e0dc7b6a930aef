"""How much information a purpose may use without an authorization: which kinds of finding go beyond it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from policy.phi.report import Finding, Kind

LIKELY: Final = 0.5  # certainty from which an identifier counts
# 45 CFR 164.514(f)(1): demographics, dates of care, department, physician, outcome, insurance status. What a department
# or an outcome is cannot be told from other clinical words, so those count as more.
FUNDRAISING: Final = frozenset(
    {
        Kind.NAME, Kind.ADDRESS, Kind.ZIP, Kind.PHONE, Kind.EMAIL, Kind.URL, Kind.DOB, Kind.AGE_OVER_89, Kind.MINORS,
        Kind.SERVICE_DATE, Kind.PROVIDER_ID, Kind.INSURANCE,
    }
)  # fmt: skip
# 45 CFR 164.514(e)(2) takes sixteen identifiers out of a limited data set. These stay: dates, ages, ZIP codes, codes
# that are none of the sixteen, and all that is about health.
LIMITED: Final = frozenset(
    {Kind.DOB, Kind.SERVICE_DATE, Kind.AGE_OVER_89, Kind.ZIP, Kind.OTHER_ID}
    | {kind for kind in Kind if not kind.is_identifier}
)
DATA_SETS: Final[Mapping[str, frozenset[Kind]]] = {"fundraising": FUNDRAISING, "research": LIMITED}


def beyond(purpose: str, findings: Sequence[Finding], *, is_phi: bool) -> int:
    """How many findings a data set does not have. purpose: a key of DATA_SETS.

    is_phi: health information was tied to a person; without that, words about health are about health in general.
    """
    allowed = DATA_SETS[purpose]
    return sum(
        one.kind not in allowed and (one.certainty >= LIKELY if one.kind.is_identifier else is_phi) for one in findings
    )
