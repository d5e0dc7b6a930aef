"""What TLS a message needs at one host: one pure function over all that has a say, with its reasons.

Requirements merge by max: each source may raise the level and none may lower it. DANE, MTA-STS and pins will be further
parts of the same merge. What no session can meet is a `refusal`: the host is not even connected to.
"""

from dataclasses import dataclass
from functools import reduce

from tls.failures import TlsFailure
from tls.levels import TlsLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a message asks of every host it is handed to. Routes may ask for more, never for less.

    is_vouched: a host name that only unsigned DNS tells does not count as verified (`tls.unsigned_mx = "climb"`).
    is_onward: protection has to hold beyond the next hop: a smart host must be attested or honour REQUIRETLS.
    requiretls: RFC 8689. is_content_free: may go past what a route asks (RFC 8689 section 5, `TLS-Required: No`).
    """

    level: TlsLevel
    is_vouched: bool = False
    is_onward: bool = False
    requiretls: bool = False
    is_content_free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HopTls:
    """What is known of a next hop before it is connected to.

    route_level: what `[[delivery.route]]` asks of all mail. is_vouched: the name is configured, not from DNS.
    is_smart_host: it relays for us, so that its certificate proves one hop. is_attested: `smart_host_attested`.
    """

    route_level: TlsLevel = TlsLevel.NONE
    is_vouched: bool = False
    is_smart_host: bool = False
    is_attested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """reasons: who asked for what, in words. refusal: why no session with this host can meet it."""

    level: TlsLevel = TlsLevel.NONE
    requiretls: bool = False
    reasons: tuple[str, ...] = ()
    refusal: TlsFailure | None = None

    def __or__(self, other: "Requirement") -> "Requirement":
        """Both at once: the higher level, every demand, every reason."""
        return Requirement(
            level=max(self.level, other.level),
            requiretls=self.requiretls or other.requiretls,
            reasons=self.reasons + other.reasons,
            refusal=self.refusal or other.refusal,
        )


def requirement(needs: Needs, hop: HopTls) -> Requirement:
    """Merge everything that has a say on one message at one host."""
    parts = (_from_message(needs), _from_route(needs, hop), _from_naming(needs, hop), _from_relaying(needs, hop))
    return reduce(Requirement.__or__, parts)


def _from_message(needs: Needs) -> Requirement:
    reasons = (f"message needs {needs.level.name.lower()} TLS",) if needs.level else ()
    if needs.requiretls:
        return Requirement(level=TlsLevel.VERIFIED, requiretls=True, reasons=(*reasons, "sender asked for REQUIRETLS"))
    return Requirement(level=needs.level, reasons=reasons)


def _from_route(needs: Needs, hop: HopTls) -> Requirement:
    if hop.route_level is TlsLevel.NONE or needs.is_content_free:
        return Requirement()
    return Requirement(level=hop.route_level, reasons=(f"route asks for {hop.route_level.name.lower()} TLS",))


def _from_naming(needs: Needs, hop: HopTls) -> Requirement:
    if not needs.is_vouched or hop.is_vouched:
        return Requirement()
    return Requirement(reasons=("host name must be vouched for",), refusal=TlsFailure.UNVOUCHED_MX)


def _from_relaying(needs: Needs, hop: HopTls) -> Requirement:
    """A smart host's own TLS proves one hop: without an attestation only REQUIRETLS carries the duty onward."""
    if not needs.is_onward or not hop.is_smart_host or hop.is_attested:
        return Requirement()
    return Requirement(
        level=TlsLevel.VERIFIED, requiretls=True, reasons=("smart host is not attested, so it must honour REQUIRETLS",)
    )
