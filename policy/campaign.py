"""Campaigns and studies that somebody reviewed, and whether a message is marketing. Pure; the register is a table.

Marketing encourages its recipients to buy or use something (45 CFR 164.501); what it depends on is what is told, who
pays, and whether patients were chosen for it, not what a classifier finds. Nothing is guessed in favour of a message:
what is for marketing is marketing unless a reviewed campaign says why not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from policy.purpose import PROMOTION


class About(StrEnum):
    """What a campaign tells of; the value is the word of `mailward campaign add --about`."""

    PRODUCT = "product"
    REFILL = "refill"  # of a drug that is prescribed at present
    TREATMENT = "treatment"
    OWN_SERVICE = "own-service"
    CARE_COORDINATION = "care-coordination"
    HEALTH = "health"  # in general, of no provider's product or service
    GIFTS = "gifts"
    STUDY = "study"


class Payment(StrEnum):
    """What somebody whose product or service it is pays for it."""

    NONE = "none"
    COST = "cost"  # reasonably related to the cost of making it
    MORE = "more"


class Audience(StrEnum):
    """Whom it goes to."""

    PATIENTS = "patients"
    PUBLIC = "public"  # a list that was made without any patient's information
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """What permits research without the patient's authorization."""

    NONE = "none"
    WAIVER = "waiver"  # 45 CFR 164.512(i)(1)(i)
    DATA_USE = "data-use-agreement"  # 45 CFR 164.514(e)


@dataclass(frozen=True, slots=True)
class Exemption:
    """What is no marketing: told of this, and paid for no more than this."""

    about: About
    payments: frozenset[Payment]
    citation: str


FREE: Final = frozenset({Payment.NONE})
NO_MARKETING: Final = {
    row.about: row
    for row in (
        Exemption(About.REFILL, FREE | {Payment.COST}, "45 CFR 164.501, marketing, (2)(i)"),
        Exemption(About.TREATMENT, FREE, "45 CFR 164.501, marketing, (2)(ii)(A)"),
        Exemption(About.OWN_SERVICE, FREE, "45 CFR 164.501, marketing, (2)(ii)(B)"),
        Exemption(About.CARE_COORDINATION, FREE, "45 CFR 164.501, marketing, (2)(ii)(C)"),
        Exemption(About.HEALTH, frozenset(Payment), "45 CFR 164.501, marketing, (1): it encourages no purchase"),
        Exemption(About.GIFTS, frozenset(Payment), "45 CFR 164.514(f), fundraising"),
        Exemption(About.STUDY, frozenset(Payment), "45 CFR 164.508(b)(3), 164.512(i), research"),
    )
}
# The purposes that a payment turns into marketing; others have rules of their own.
CARE: Final = frozenset({"treatment", "operations", "individual"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign or study. name: lower case. document: SHA-256 of what was reviewed, hexadecimal.

    recipients: addresses and domains that a waiver or a data use agreement is for.
    """

    name: str
    purpose: str
    about: About
    payment: Payment
    audience: Audience
    basis: Basis
    recipients: tuple[str, ...]
    reviewer: str
    reviewed_at: datetime
    document: str
    recorded_by: str
    recorded_at: datetime
    expires_at: datetime | None = None
    ended_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Whether it was reviewed, has not expired and was not ended."""
        return (
            self.reviewed_at <= at
            and (self.expires_at is None or at < self.expires_at)
            and (self.ended_at is None or at < self.ended_at)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignAnswer:
    """What the register says of the campaign that a message names, for one recipient; the defaults: of none.

    is_reviewed: it is in force and for the message's purpose. is_covered: its basis is for this recipient.
    """

    name: str = ""
    is_reviewed: bool = False
    about: About = About.PRODUCT
    payment: Payment = Payment.MORE
    audience: Audience = Audience.UNKNOWN
    basis: Basis = Basis.NONE
    is_covered: bool = False


NO_CAMPAIGN: Final = CampaignAnswer()


def answer(
    register: Mapping[str, Campaign], *, name: str, purpose: str, recipient: str, at: datetime
) -> CampaignAnswer:
    """What the register says. name: as the message gives it, lower case. recipient: an address in lower case."""
    found = register.get(name)
    if found is None or not found.in_force(at):
        return CampaignAnswer(name=name)
    if found.purpose != purpose:
        return CampaignAnswer(name=name)
    is_theirs = recipient in found.recipients or recipient.rpartition("@")[2] in found.recipients
    return CampaignAnswer(
        name=name,
        is_reviewed=True,
        about=found.about,
        payment=found.payment,
        audience=found.audience,
        basis=found.basis,
        is_covered=found.basis is not Basis.NONE and is_theirs,
    )


def is_marketing(purpose: str, campaign: CampaignAnswer) -> bool:
    """Whether 45 CFR 164.508(a)(3) asks for an authorization, if the recipient is a patient.

    A campaign of the public uses no patient's information, so it needs none. Source: 45 CFR 164.501, 164.508(a)(3)(i);
    78 FR 5566, 5592-5597 (2013).
    """
    if not campaign.is_reviewed:
        return purpose == "marketing"
    if campaign.audience is Audience.PUBLIC or purpose not in CARE | PROMOTION:
        return False
    row = NO_MARKETING.get(campaign.about)
    return row is None or campaign.payment not in row.payments
