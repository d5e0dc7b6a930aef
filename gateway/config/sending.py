"""Settings of how mail leaves: names, TLS, reports about it, routes, next hops. Read as `model.py` says.

A module of its own for its size alone; `model.py` has the file in its order.
"""

from gateway.config.fields import (
    Address,
    DerivedMailbox,
    Duration,
    Flag,
    Ladder,
    Methods,
    Network,
    OptionalAddress,
    OptionalFile,
    OptionalHost,
    OptionalRate,
    Pattern,
    Port,
    PositiveCount,
    PositiveDuration,
    RetrySchedule,
    RouteTlsText,
    Section,
    Text,
    required,
    setting,
)
from policy.decision import UnsignedMx

ALL_METHODS = ["tls", "smime", "openpgp", "portal"]


class Dns(Section):
    """How names are looked up."""

    resolvers: tuple[Address, ...] = setting(
        [], "Resolvers to ask.", example=["127.0.0.1:53"], derived="the system's resolvers"
    )
    trust_ad: Flag = setting(False, "True only with resolvers on a trusted path: then their AD flag counts (DANE).")


class Tls(Section):
    """What counts as verified TLS."""

    unsigned_mx: UnsignedMx = setting(
        "accept", "accept or climb: does WebPKI count for an MX that neither MTA-STS, DNSSEC nor a route vouches for."
    )


class TlsReports(Section):
    """What domains are told of the TLS that we saw at their hosts (RFC 8460)."""

    enabled: Flag = setting(
        True, "Send each domain that asks for it in DNS a report a day: sums and host names, nothing of any message."
    )
    contact: DerivedMailbox = setting(
        "", "Author of the reports, in a domain of ours; with a DKIM key, or none can go by mail.",
        example="tls-reports@clinic.example", derived="postmaster@ and the first domain's name",
    )  # fmt: skip
    organisation: Text = setting(
        "", "Who reports, by name.", example="Clinic A", derived="domain.organisation of the contact's domain"
    )


class Route(Section):
    """How one destination is reached."""

    domain: Pattern = required('Destination; "*.partner.example" matches its sub-domains.', example="partner.example")
    host: OptionalHost = setting("", "Next hop instead of the domain's MX.", example="mx.partner.example")
    port: Port = setting(25, "Port of the next hop.")
    tls: RouteTlsText = setting(
        "verified", "verified, dane, pinned:<sha256 of the SPKI>, or opportunistic (for unprotected mail only)."
    )
    methods: Methods = setting(
        [], "Overrides the sending domain's methods.", example=["tls"], derived="the sending domain's methods"
    )
    concurrency: PositiveCount = setting(
        20, "Most deliveries at once; fewer while the destination is slow to answer or refuses."
    )
    rate: OptionalRate = setting("", "Most deliveries in a second, minute or hour; empty: no limit.", example="100/m")
    login: Text = setting("", "Name to sign in with at host; only over verified TLS.", example="clinic-a")
    password_file: OptionalFile = setting("", "File with its password.", example="/etc/mailward/clinic-a.password")
    client_certificate: OptionalFile = setting(
        "", "Certificate and its chain to show to host, PEM.", example="/etc/mailward/tls/clinic-a.pem"
    )
    client_private_key: OptionalFile = setting("", "Its private key, PEM.", example="/etc/mailward/tls/clinic-a.key")


class Delivery(Section):
    """How mail leaves."""

    port: Port = setting(25, "Port of next hops found through MX.")
    ca_file: OptionalFile = setting("", "Extra trust anchors beside the system's, PEM.")
    methods: Ladder = setting(
        ALL_METHODS, "Ladder for protected mail: what is tried, in this order. None of them is plain text."
    )
    tls_deadline: Duration = setting(
        "1h", 'How long verified TLS is waited for before the next rung; "0s": climb at once.'
    )
    urgent_tls_deadline: Duration = setting("5m", "The same for mail marked urgent.")
    delay_notice: PositiveDuration = setting("30m", "The sender is told of a delay after this long.")
    retry: RetrySchedule = setting(["1m", "5m", "15m", "1h", "2h"], "Pauses between attempts; the last repeats.")
    expire_after: PositiveDuration = setting(
        "5d", "Mail goes back to its sender after this long (RFC 5321 4.5.4.1: 4 to 5 days)."
    )
    smart_host: OptionalAddress = setting("", "One next hop for everything.", example="smtp.provider.example:587")
    smart_host_attested: Flag = setting(
        False, "True: an agreement vouches for its onward TLS, so the rung tls exists through it."
    )
    smart_host_login: Text = setting(
        "",
        "Name to sign in with at the smart host; only over verified TLS, which then all mail needs.",
        example="clinic",
    )
    smart_host_password_file: OptionalFile = setting(
        "",
        "File with its password, readable by the service user only; read again for each session.",
        example="/etc/mailward/smart-host.password",
    )
    smart_host_certificate: OptionalFile = setting(
        "",
        "Certificate and its chain to show to the smart host, PEM; read again when the file changes.",
        example="/etc/mailward/tls/smart-host.pem",
    )
    smart_host_private_key: OptionalFile = setting(
        "", "Its private key, PEM.", example="/etc/mailward/tls/smart-host.key"
    )
    private_networks: tuple[Network, ...] = setting(
        [], "Next hops in private or loopback ranges are refused unless listed here.", example=["10.0.0.0/8"]
    )
    route: tuple[Route, ...] = setting([], "")
