"""Which disclosures a patient can ask an accounting of (45 CFR 164.528(a)(1)). Pure.

All but those for treatment, payment and operations, to the individual, to those involved in care, and on an
authorization. A purpose that nobody said is accounted for: it cannot be shown that it need not be.
"""

from collections.abc import Mapping
from typing import Final

from policy.facts import RecipientFacts

ACCOUNTED: Final[Mapping[str, str]] = {  # purpose: the section that permits the disclosure without an authorization
    "research": "45 CFR 164.512(i)",
    "public-health": "45 CFR 164.512(b)",
    "oversight": "45 CFR 164.512(d)",
    "judicial": "45 CFR 164.512(e)",
    "law-enforcement": "45 CFR 164.512(f)",
    "required-by-law": "45 CFR 164.512(a)",
    "workers-comp": "45 CFR 164.512(l)",
    "decedent": "45 CFR 164.512(g), (h)",
    "unknown": "not said",
}


def is_accounted(purpose: str, to: RecipientFacts) -> bool:
    """Whether a disclosure for a purpose to a recipient is one that a patient can ask for."""
    return (purpose or "unknown") in ACCOUNTED and not to.consents.authorized  # 164.528(a)(1)(iv)
