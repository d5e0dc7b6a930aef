"""What TLS a message needs at one host: one pure function over all that has a say, with its reasons.

Requirements merge by max: each source may raise the level and none may lower it. What no session can meet is a
`refusal`: the host is not even connected to. DANE goes before MTA-STS (RFC 8461 section 2): where usable TLSA records
are published, the certificate is proved by them and by nothing else. Behind an unsigned MX, though, anybody's host with
anybody's TLSA records could stand; there an enforced policy still has to list the host.
"""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from tls.dane.parse import Usage
from tls.dane.verify import NO_DANE, Dane, DaneState
from tls.failures import TlsFailure
from tls.levels import Proof, TlsLevel
from tls.mta_sts.parse import Mode
from tls.published import NOTHING, Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a message asks of every host it is handed to. Routes may ask for more, never for less.

    is_vouched: a host name that only unsigned DNS tells does not count as verified (`tls.unsigned_mx = "climb"`).
    is_onward: protection has to hold beyond the next hop: a smart host must be attested or honour REQUIRETLS.
    requiretls: RFC 8689. wishes_requiretls: the same where it is offered, and no matter where it is not.
    is_content_free: may go past what a route, DANE and MTA-STS ask (RFC 8689 section 3, `TLS-Required: No`).
    """

    level: TlsLevel
    is_vouched: bool = False
    is_onward: bool = False
    requiretls: bool = False
    wishes_requiretls: bool = False
    is_content_free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HopTls:
    """What is known of a next hop before it is connected to.

    route_level: what `[[delivery.route]]` asks of all mail. pin: SHA-256 of the key it pins, lower-case hex, or empty.
    is_dane_required: `tls = "dane"`. is_vouched: the name is configured, not from DNS.
    is_smart_host: it relays for us, so that its certificate proves one hop. is_attested: `smart_host_attested`.
    is_known: we prove to it who we are, so it has to prove first who it is, for every message.
    published: what domain and host publish; None: nobody asked.
    """

    route_level: TlsLevel = TlsLevel.NONE
    pin: str = ""
    is_dane_required: bool = False
    is_vouched: bool = False
    is_smart_host: bool = False
    is_attested: bool = False
    is_known: bool = False
    published: Published | None = None

    @property
    def naming(self) -> str:
        """Who says that this is a host of the domain, in words, for the evidence."""
        if self.is_vouched:
            return "host configured"
        published = self.published or NOTHING
        if published.is_mx_signed:
            return "MX signed"
        return "MX listed by MTA-STS" if published.is_listed else "MX unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a session with this host has to be, and what for.

    reasons: who asked for what, in words. refusal: why no session with this host can meet it.
    proofs: what the peer's certificate has to prove, all of them; empty below VERIFIED.
    wished: a proof to try first, whose failure is reported and does not matter otherwise (MTA-STS testing).
    bound: the part of the level that the domain published or the operator pinned: to miss it is a mismatch.
    pin: for PIN. dane: for DANE.
    """

    level: TlsLevel = TlsLevel.NONE
    requiretls: bool = False
    reasons: tuple[str, ...] = ()
    refusal: TlsFailure | None = None
    proofs: frozenset[Proof] = frozenset()
    wished: frozenset[Proof] = frozenset()
    bound: TlsLevel = TlsLevel.NONE
    pin: str = ""
    dane: Dane = NO_DANE

    def __or__(self, other: "Requirement") -> "Requirement":
        """Both at once: the higher level, every demand, every reason; of two refusals the one that weighs more."""
        return Requirement(
            level=max(self.level, other.level),
            requiretls=self.requiretls or other.requiretls,
            reasons=self.reasons + other.reasons,
            refusal=max(self.refusal, other.refusal, key=REFUSALS.index),
            proofs=self.proofs | other.proofs,
            wished=self.wished | other.wished,
            bound=max(self.bound, other.bound),
            pin=self.pin or other.pin,
            dane=other.dane if self.dane.state is DaneState.NONE else self.dane,
        )

    @property
    def server_name(self) -> str:
        """The name for SNI where it is not the host's own (RFC 7672 section 8.1), else empty."""
        return self.dane.base if Proof.DANE in self.proofs else ""

    @property
    def kept_for(self) -> tuple[object, ...]:
        """What a kept connection was made for: equal for two messages, the second may use it after the first.

        An anchor (usage 2) counts with the names that it was accepted for, and the domain is one of them.
        """
        if not self.server_name:
            return (self.level, self.proofs, self.pin)
        has_anchor = any(record.usage == Usage.DANE_TA for record in self.dane.records)
        names = self.dane.names if has_anchor else ()
        return (self.level, self.proofs, self.pin, self.server_name, self.dane.records, names)


NOTHING_ASKED: Final = Requirement()

# From light to heavy: what a retry may heal must not be hidden by what sends the message on at once.
REFUSALS: Final = (
    None,
    TlsFailure.UNVOUCHED_MX,
    TlsFailure.STS_UNKNOWN,
    TlsFailure.TLSA_UNKNOWN,
    TlsFailure.DANE_MISSING,
    TlsFailure.STS_UNLISTED,
)


def requirement(needs: Needs, hop: HopTls) -> Requirement:
    """Merge everything that has a say on one message at one host."""
    others = (
        _from_route(needs, hop),
        _from_dane(needs, hop),
        _from_sts(needs, hop.published or NOTHING),
        _from_naming(needs, hop),
        _from_relaying(needs, hop),
        _from_login(hop),
    )
    merged = reduce(Requirement.__or__, (one for one in others if one is not NOTHING_ASKED), _from_message(needs))
    if merged.level < TlsLevel.VERIFIED:
        return merged
    return replace(merged, proofs=merged.proofs or frozenset({Proof.WEBPKI}))


def _from_message(needs: Needs) -> Requirement:
    reasons = (f"message needs {needs.level.name.lower()} TLS",) if needs.level else ()
    if needs.requiretls:
        return Requirement(level=TlsLevel.VERIFIED, requiretls=True, reasons=(*reasons, "sender asked for REQUIRETLS"))
    return Requirement(level=needs.level, reasons=reasons)


def _goes_past(needs: Needs, hop: HopTls) -> bool:
    """RFC 8689 section 5, `TLS-Required: No`: but a password needs every proof that there is."""
    return needs.is_content_free and not hop.is_known


def _from_route(needs: Needs, hop: HopTls) -> Requirement:
    if _goes_past(needs, hop):
        return NOTHING_ASKED
    if hop.pin:
        return Requirement(
            level=TlsLevel.VERIFIED,
            proofs=frozenset({Proof.PIN}),
            bound=TlsLevel.VERIFIED,
            pin=hop.pin,
            reasons=("route pins the host's key",),
        )
    if hop.route_level is TlsLevel.NONE:
        return NOTHING_ASKED
    return Requirement(level=hop.route_level, reasons=(f"route asks for {hop.route_level.name.lower()} TLS",))


def _from_dane(needs: Needs, hop: HopTls) -> Requirement:
    """RFC 7672 section 2.2; mandatory DANE is section 6."""
    dane = (hop.published or NOTHING).dane
    if _goes_past(needs, hop):
        return NOTHING_ASKED
    match dane.state:
        case DaneState.USABLE:
            return Requirement(
                level=TlsLevel.VERIFIED,
                proofs=frozenset({Proof.DANE}),
                bound=TlsLevel.VERIFIED,
                dane=dane,
                reasons=(f"DANE: {dane.why}",),
            )
        case DaneState.FAILED:  # RFC 7672 section 2.1.2: the host must not be used now
            return Requirement(reasons=(f"DANE: {dane.why}",), refusal=TlsFailure.TLSA_UNKNOWN)
        case _ if hop.is_dane_required:
            return Requirement(
                level=TlsLevel.VERIFIED, reasons=("route asks for DANE",), refusal=TlsFailure.DANE_MISSING
            )
        case DaneState.UNUSABLE:  # RFC 7672 section 2.2: TLS, without authentication
            return Requirement(level=TlsLevel.ENCRYPTED, bound=TlsLevel.ENCRYPTED, reasons=(f"DANE: {dane.why}",))
        case DaneState.NONE:
            return NOTHING_ASKED


def _from_sts(needs: Needs, published: Published) -> Requirement:
    """RFC 8461 section 5."""
    policy = published.sts.policy
    if needs.is_content_free or published.is_proved_by_dane:
        return NOTHING_ASKED
    if policy is None:
        return _from_unknown_sts(needs, published)
    is_proved = published.dane.state is DaneState.USABLE
    if policy.mode is not Mode.ENFORCE:
        return Requirement(wished=frozenset() if is_proved else frozenset({Proof.WEBPKI}))
    return Requirement(
        level=TlsLevel.VERIFIED,
        proofs=frozenset() if is_proved else frozenset({Proof.WEBPKI}),
        bound=TlsLevel.VERIFIED,
        reasons=("domain enforces MTA-STS",),
        refusal=None if published.is_listed else TlsFailure.STS_UNLISTED,
    )


def _from_unknown_sts(needs: Needs, published: Published) -> Requirement:
    """RFC 8461 section 3.3: as if there were no policy. Protected mail waits, since the policy may name other hosts."""
    is_verified = needs.requiretls or needs.level is TlsLevel.VERIFIED
    if published.sts.trouble is None or not is_verified or published.is_vouched:
        return NOTHING_ASKED
    return Requirement(reasons=("MTA-STS: the policy could not be looked up",), refusal=TlsFailure.STS_UNKNOWN)


def _from_naming(needs: Needs, hop: HopTls) -> Requirement:
    """REQUIRETLS asks for a validated MX as well (RFC 8689 section 8.2), once somebody has looked."""
    is_needed = needs.is_vouched or (needs.requiretls and hop.published is not None)
    is_given = hop.is_vouched or hop.pin != "" or (hop.published or NOTHING).is_vouched  # a pinned key needs no name
    if not is_needed or is_given:
        return NOTHING_ASKED
    return Requirement(reasons=("host name must be vouched for",), refusal=TlsFailure.UNVOUCHED_MX)


def _from_relaying(needs: Needs, hop: HopTls) -> Requirement:
    """A smart host's own TLS proves one hop: without an attestation only REQUIRETLS carries the duty onward."""
    if not needs.is_onward or not hop.is_smart_host or hop.is_attested:
        return NOTHING_ASKED
    return Requirement(
        level=TlsLevel.VERIFIED, requiretls=True, reasons=("smart host is not attested, so it must honour REQUIRETLS",)
    )


def _from_login(hop: HopTls) -> Requirement:
    """No password to a host that did not prove its name (RFC 4954 section 4), not even for a content-free notice."""
    if not hop.is_known:
        return NOTHING_ASKED
    return Requirement(level=TlsLevel.VERIFIED, reasons=("we sign in at this host",))
