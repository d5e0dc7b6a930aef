"""Every setting: its name, default, unit and reason, in the order of the file.

`config.example.toml` and `docs/configuration.md` are made from this file by `python -m gateway.config.render`. Some
defaults follow another key; `settle` in `load.py` fills those in, so that no reader ever meets an unset one.
"""

from typing import Annotated

from pydantic import Field, PrivateAttr

from gateway.config.classification import Classification
from gateway.config.discovery import Discovery
from gateway.config.fields import (
    Bind,
    Command,
    Count,
    DerivedFile,
    DerivedName,
    DerivedOrigin,
    Duration,
    File,
    Flag,
    Methods,
    Name,
    Network,
    OptionalAddress,
    OptionalDefault,
    OptionalFile,
    OptionalState,
    Percent,
    PositiveCount,
    PositiveDuration,
    Section,
    Selector,
    Size,
    StoreUrl,
    TenantHeader,
    Text,
    required,
    setting,
)
from gateway.config.modes import CodeChannel, LineEndings, ListenerMode, LogFormat, LogLevel, OcspFailure, TlsVersion
from gateway.config.policies import Commercial, Policy
from gateway.config.problems import Key, Origin, Problem
from gateway.config.scanning import Scanner
from gateway.config.sending import ALL_METHODS, Delivery, Dns, Tls, TlsReports


class ServerTls(Section):
    """Certificate of our own listeners; read again when the file changes."""

    certificate: File = setting("/etc/mailward/tls/fullchain.pem", "Certificate and its chain, PEM, our own first.")
    private_key: File = setting("/etc/mailward/tls/key.pem", "Its private key, PEM, readable by the service user only.")
    minimum_version: TlsVersion = setting("1.2", "Oldest TLS that clients may speak (RFC 8996 ended what came before).")


class Server(Section):
    """Who we are."""

    hostname: Name = required(
        "Our name in HELO, Received and DSNs; its address should resolve back to it.", example="gw.clinic.example"
    )
    data_dir: File = setting("/var/lib/mailward", "Embedded database, generated master key, control socket.")
    inspectors: Count = setting(0, "Processes that parse and classify messages; 0 starts one per core.")
    tls: ServerTls = setting({}, "")


class Limits(Section):
    """Brakes, generous for a clinic of 500 people; `[[listener]]` may override each in its own `limits`."""

    message_size: Size = setting("50MiB", "Largest message accepted; announced with SIZE (RFC 1870).")
    recipients: PositiveCount = setting(
        1000, "Most recipients of one message (RFC 5321 4.5.3.1.8 asks for 100 or more)."
    )
    connections: PositiveCount = setting(1000, "Most sessions at once on one listener.")
    connections_per_address: PositiveCount = setting(
        50, "Most sessions at once from one IP address, or from one /64 of IPv6."
    )


class GeneralLimits(Limits):
    """Brakes, generous for a clinic of 500 people; a `[[listener]]` may override all but the last in `limits`."""

    queue_messages: PositiveCount = setting(
        100_000, "Most copies that wait for delivery, one for each recipient; beyond it MAIL is answered 452."
    )


class Listener(Section):
    """Where mail comes in; one table for each address. At least one is needed."""

    bind: Bind = setting("0.0.0.0:587", "Address to listen on.")
    mode: ListenerMode = setting(
        "submission",
        "submission: STARTTLS before AUTH, AUTH before MAIL (RFC 6409). submissions: TLS from the start (RFC 8314)."
        " relay: smart host for trusted networks or certificates, without AUTH.",
    )
    trusted_networks: tuple[Network, ...] = setting(
        [],
        "Relay only: peers that may send without a password; may be left out with client_ca.",
        example=["10.0.0.0/8"],
    )
    require_tls: Flag = setting(True, "Refuse MAIL before STARTTLS; only a relay listener may say false.")
    line_endings: LineEndings = setting(
        "strict",
        "strict refuses bare CR and LF in a message (RFC 5321 2.3.8). repair makes CRLF of them, for a legacy device; a"
        " dot alone on such a line is refused all the same, because it smuggles.",
    )
    client_ca: OptionalFile = setting(
        "",
        "Authority of client certificates, PEM. Relay: every peer needs one. Elsewhere users may sign in with one.",
    )
    client_names: tuple[Text, ...] = setting(
        [],
        "Relay only: names of which a certificate of client_ca must have one; with none listed any will do. DNS name,"
        " e-mail address, common name, or what the log calls it.",
    )
    tenant_header: TenantHeader = setting(
        "",
        'Relay only: clouds share addresses, so a field "Name: value" that your transport rule adds must stand in each'
        " message exactly once. It is a secret, and taken out.",
    )
    control_headers: Flag = setting(
        False,
        "Whether X-Mailward-* fields, such as -Purpose and -Sensitivity, are believed from peers of this listener.",
    )
    proxy_protocol: Flag = setting(False, "Whether a load balancer in front tells the peer's address (PROXY v1, v2).")
    trusted_proxies: tuple[Network, ...] = setting(
        [], "The load balancers, with proxy_protocol: nobody else may connect then.", example=["10.0.0.2/32"]
    )
    limits: Limits = setting(
        {}, "Overrides [limits] for this listener.", example={"message_size": "25MiB"}, derived="what [limits] says"
    )


class Store(Section):
    """Where queue, portal messages, registers and audit log live."""

    url: StoreUrl = setting("sqlite", '"sqlite" is data_dir/mailward.db; or "postgresql://user@host/database".')


class Seal(Section):
    """The key that wraps every message key."""

    master_key: DerivedFile = setting(
        "", "Key file, made on first start with mode 0600. Lose it and all stored mail is lost.",
        derived="data_dir/master.key",
    )  # fmt: skip
    master_key_command: Command = setting(
        [],
        "Program and its arguments, run without a shell, that prints the key in place of the file (KMS, TPM): a line of"
        " base64. On rotation the new key first, the old one in the next line.",
        example=["/usr/local/bin/mailward-key", "--slot", "1"],
    )


class Dkim(Section):
    """One DKIM signature of a domain."""

    selector: Selector = required("Selector in DNS: <selector>._domainkey.<domain>.", example="s2026a")
    private_key: File = required(
        "RSA or Ed25519 private key, PEM; the key tells which.", example="/etc/mailward/dkim/s2026a.pem"
    )


class Domain(Section):
    """A domain that we send for. At least one is needed."""

    name: Name = required("The domain, as in the sender's address.", example="clinic.example")
    organisation: Text = setting(
        "", "Your name as recipients know it: in notices and on the portal's pages.", example="Clinic A",
        derived="the domain's name",
    )  # fmt: skip
    inbound: OptionalAddress = setting(
        "", "Where DSNs and notices to our own senders go, instead of MX.", example="exchange.clinic.example:25"
    )
    dkim: tuple[Dkim, ...] = setting(
        [],
        "DKIM signatures put on everything that leaves for this domain.",
        example=[{"selector": "s2026a", "private_key": "/etc/mailward/dkim/s2026a.pem"}],
    )
    methods: Methods = setting(
        [], "Overrides delivery.methods for mail from this domain.", example=ALL_METHODS, derived="delivery.methods"
    )
    policy_default: OptionalDefault = setting(
        "", "Overrides policy.default for mail from this domain.", example="protect-all", derived="policy.default"
    )
    state: OptionalState = setting("", "Whose law speaks of mail from this domain (the pack state-law).", example="NY")
    smart_host: OptionalAddress = setting(
        "",
        "One next hop for all mail from this domain, before delivery.smart_host; a route's host goes before it.",
        example="smtp.provider.example:587",
    )
    smart_host_attested: Flag = setting(False, "As in [delivery], for this smart host; so are the next four.")
    smart_host_login: Text = setting("", "Name to sign in with.", example="clinic-a")
    smart_host_password_file: OptionalFile = setting("", "Its password.", example="/etc/mailward/clinic-a.password")
    smart_host_certificate: OptionalFile = setting("", "Client certificate.", example="/etc/mailward/tls/clinic-a.pem")
    smart_host_private_key: OptionalFile = setting("", "Its private key.", example="/etc/mailward/tls/clinic-a.key")
    smime_certificate: OptionalFile = setting(
        "", "This domain's certificate and its chain, PEM, in place of smime.certificate; read again when it changes.",
        example="/etc/mailward/smime/clinic-a.pem",
    )  # fmt: skip
    smime_private_key: OptionalFile = setting("", "Its private key.", example="/etc/mailward/smime/clinic-a.key")


class Portal(Section):
    """Where recipients without TLS or keys pick their messages up."""

    bind: Bind = setting("127.0.0.1:8443", "Address to listen on.")
    base_url: DerivedOrigin = setting(
        "", "What links in notices begin with.", example="https://secure.clinic.example",
        derived="https:// and server.hostname",
    )  # fmt: skip
    certificate: DerivedFile = setting("", "Certificate and its chain, PEM.", derived="server.tls.certificate")
    private_key: DerivedFile = setting("", "Its private key, PEM.", derived="server.tls.private_key")
    code_channel: CodeChannel = setting(
        "verified", "verified or encrypted: what TLS a mailed one-time code must leave over to open a message."
    )
    neutral_name: Text = setting(
        "Private Message Service",
        "Who writes to recipients of mail with a legal class (docs/policy.md), so that no mailbox shows a speciality.",
    )
    neutral_domain: DerivedName = setting(
        "", "The domain of that writer, one of ours.", example="clinic.example", derived="the first domain's name"
    )
    message_lifetime: PositiveDuration = setting("30d", "A message can be picked up for this long.")


class Console(Section):
    """Where staff look after queue and quarantine."""

    bind: Bind = setting("127.0.0.1:8444", "Address to listen on.")


class Metrics(Section):
    """Where monitoring asks: /metrics, /healthz, /readyz."""

    bind: Bind = setting("127.0.0.1:9587", "Address to listen on.")


class Smime(Section):
    """S/MIME."""

    ca_file: OptionalFile = setting("", "Trust anchors for recipients' certificates, beside the system's, PEM.")
    certificate: OptionalFile = setting(
        "", "Certificate and its chain, PEM: it signs inside what it encrypts. Read again when it changes.",
        example="/etc/mailward/smime/clinic.pem",
    )  # fmt: skip
    private_key: OptionalFile = setting(
        "", "Its private key, PEM, readable by the service user only.", example="/etc/mailward/smime/clinic.key"
    )
    ocsp: Flag = setting(
        False,
        "Ask the issuer of a recipient's certificate whether it was revoked (RFC 6960): at import, daily, before use."
        " It learns whose certificates you have, and so may who watches the line: false unless you say so.",
    )
    ocsp_failure: OcspFailure = setting(
        "hard", "hard or soft: without an answer the certificate is not used, or is used. A revoked one never is."
    )


class Brake(Section):
    """What one login or relayed sender may send in an hour; beyond it, its mail is held until a person releases it."""

    messages_per_hour: PositiveCount = setting(300, "Messages of a person; bounds what a stolen password can do.")
    recipients_per_hour: PositiveCount = setting(1000, "Different recipients of a person.")
    phi_per_hour: PositiveCount = setting(200, "Protected messages of a person.")
    novelty_percent: Percent = setting(
        80, "Most of a person's recipients that this login never wrote to before; 0: nobody asks."
    )
    novelty_floor: Count = setting(100, "With no more different recipients than this, novelty is not asked.")
    program_messages_per_hour: PositiveCount = setting(
        5000, "Messages of a program, unless its credential says otherwise."
    )
    program_recipients_per_hour: PositiveCount = setting(5000, "Different recipients of a program.")
    program_phi_per_hour: PositiveCount = setting(2000, "Protected messages of a program.")
    relay_messages_per_hour: PositiveCount = setting(
        2000, "Messages of one sender address (MAIL FROM) through relay listeners."
    )
    relay_recipients_per_hour: PositiveCount = setting(2000, "Different recipients of such an address.")
    relay_phi_per_hour: PositiveCount = setting(1000, "Protected messages of such an address.")


class Retention(Section):
    """How long things are kept."""

    content: Duration = setting("0d", "Message content, after the last recipient's ending.")
    held: PositiveDuration = setting("30d", "Held mail that nobody decides on.")
    evidence: PositiveDuration = setting(
        "6y", "Audit events, decisions, registers: from creation or when last in effect (45 CFR 164.316(b)(2)(i))."
    )


class Log(Section):
    """What is written to standard error; never content, subjects or file names."""

    level: LogLevel = setting("info", "debug, info, warning or error: the least severe event that is written.")
    format: LogFormat = setting(
        "text",
        "text for people and journald; json for collectors, one object a line; postfix for tools that read mail logs,"
        " such as pflogsumm.",
    )


class Settings(Section):
    """The whole file."""

    server: Server
    listener: Annotated[tuple[Listener, ...], Field(min_length=1)]
    store: Store = setting({}, "")
    seal: Seal = setting({}, "")
    domain: Annotated[tuple[Domain, ...], Field(min_length=1)]
    dns: Dns = setting({}, "")
    tls: Tls = setting({}, "")
    tls_reports: TlsReports = setting({}, "")
    delivery: Delivery = setting({}, "")
    portal: Portal = setting({}, "")
    console: Console = setting({}, "")
    metrics: Metrics = setting({}, "")
    smime: Smime = setting({}, "")
    discovery: Discovery = setting({}, "")
    policy: Policy = setting({}, "")
    commercial: Commercial = setting({}, "")
    classification: Classification = setting({}, "")
    scanner: Scanner = setting({}, "")
    limits: GeneralLimits = setting({}, "")
    brake: Brake = setting({}, "")
    retention: Retention = setting({}, "")
    log: Log = setting({}, "")
    _origin: Origin = PrivateAttr(default_factory=Origin)

    def model_post_init(self, context: object) -> None:
        """Keep where the settings were read, when the reader says so."""
        if isinstance(context, Origin):
            self._origin = context

    def problem(self, key: Key, text: str) -> Problem:
        """A problem found with one of these settings later on, placed in their file."""
        return self._origin.problem(key, text)
