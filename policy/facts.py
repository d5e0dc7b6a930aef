"""What a decision rests on: frozen values that `gateway` gathers, and nothing else is known. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from policy.baa import NO_AGREEMENT, Agreement
from policy.binding import UNBOUND, Binding
from policy.campaign import NO_CAMPAIGN, CampaignAnswer
from policy.consent import Consents
from policy.decision import Method, PolicyDefault
from policy.people import NOT_ASKED, Standing
from policy.phi.report import Report
from policy.purpose import PurposeSource
from policy.sensitivity import Sensitivity

UNASKED: Final = Consents()


class MethodSource(StrEnum):
    """Which part of the configuration named a recipient's methods."""

    ROUTE = "the route to the recipient's domain"
    DOMAIN = "the settings of the sender's domain"
    DELIVERY = "delivery.methods"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFacts:
    """What is known about the way to one recipient.

    address: the envelope address. methods, source: the configured ladder (`choose_methods`).
    has_openpgp_key, has_smime_certificate: one is on file that was fit for use at import; None: nobody looked.
    may_find_openpgp_key, may_find_smime_certificate: where none is on file, one is looked for when it is needed.
    is_route_opportunistic: the route's `tls` verifies nothing.
    is_tls_vouched: false when a smart host takes everything and nobody vouches for its onward TLS.
    consents, agreement, campaign, standing: what the registers say; where nobody asked them, what asks for the most.
    binding: what the index of patients and the segments do. is_archive: a rule copies the message to this address.
    """

    address: str
    methods: tuple[Method, ...]
    source: MethodSource = MethodSource.DELIVERY
    has_openpgp_key: bool | None = False
    has_smime_certificate: bool | None = False
    may_find_openpgp_key: bool = False
    may_find_smime_certificate: bool = False
    is_route_opportunistic: bool = False
    is_tls_vouched: bool = True
    consents: Consents = UNASKED
    agreement: Agreement = NO_AGREEMENT
    campaign: CampaignAnswer = NO_CAMPAIGN
    standing: Standing = NOT_ASKED
    binding: Binding = UNBOUND
    is_archive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Who sends, when, and what the header says of it; the rules ask for it, the rest of a decision does not.

    sender: the address in the From field. login: who signed in, empty for a relay. is_program: with a credential, and
    its name is the login. role: of a person, as `mailward user` has it. size: of the message, bytes.
    visible: addresses in To and Cc. at: when it was received, in the time zone of the gateway; None: not known.
    purpose: what the message is for, as `judge_purpose` settles it, empty: not known; purpose_source: who said so;
    purpose_why: in words, where its own words did; contradiction: what they say against it. urgent: as
    `X-Mailward-Priority` or the sender says.
    our_domains: those that we send for, lower case. sensitivity: the legal classes of the message, as
    `judge_sensitivity` settles them; sensitivity_why: in words. states: whose law speaks of it, such as NY.
    """

    sender: str = ""
    login: str = ""
    is_program: bool = False
    role: str = ""
    size: int = 0
    visible: int = 0
    at: datetime | None = None
    purpose: str = ""
    purpose_source: PurposeSource = PurposeSource.NOBODY
    purpose_why: str = ""
    contradiction: str = ""
    urgent: bool = False
    our_domains: frozenset[str] = frozenset()
    sensitivity: tuple[Sensitivity, ...] = ()
    sensitivity_why: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision rests on.

    report: what classification found. recipients: those to decide on. default: `policy.default`.
    requiretls: the sender asked for it (RFC 8689). sent: what rules ask for besides.
    everybody: the addresses of all recipients where `recipients` has only some of them; empty: `recipients` are all.
    is_released: a person has looked at it and lets it go, so rules that hold it have had their say.
    """

    report: Report
    recipients: tuple[RecipientFacts, ...]
    default: PolicyDefault = PolicyDefault.PROTECT_PHI
    requiretls: bool = False
    sent: Sent = field(default_factory=Sent)
    everybody: tuple[str, ...] = ()
    is_released: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """All recipients of the message."""
        return self.everybody or tuple(recipient.address for recipient in self.recipients)


def choose_methods(
    route: tuple[Method, ...], domain: tuple[Method, ...], delivery: tuple[Method, ...]
) -> tuple[tuple[Method, ...], MethodSource]:
    """The nearest of three ladders: the route's before the sending domain's before the general one; empty: not set."""
    if route:
        return route, MethodSource.ROUTE
    if domain:
        return domain, MethodSource.DOMAIN
    return delivery, MethodSource.DELIVERY
