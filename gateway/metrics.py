"""Every metric in one table. Base units, bounded labels: no address, no domain, no id.

`METRICS` is what `docs/metrics.md` and the alert rules are checked against. Rooms are handed a `Metrics` and ask it by
name; labelled children are kept, because prometheus_client takes longer to find one than to count.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

DELAYS: Final = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400)  # seconds
STAGES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds
SIZES: Final = (1e3, 5e3, 2e4, 1e5, 5e5, 1e6, 5e6, 2e7, 1e8)  # bytes

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric: its class, its name without prefix, what it counts, its labels and (histograms) its buckets."""

    kind: type[Counter] | type[Gauge] | type[Histogram]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: Final = (
    Spec(Gauge, "build_info", "Version of Mailward, Python and OpenSSL; always 1.", ("version", "python", "openssl")),
    Spec(Counter, "smtp_connections", "Connections that clients opened.", ("listener", "tls")),
    Spec(Gauge, "smtp_sessions", "Open client connections.", ("listener",)),
    Spec(Counter, "smtp_auth", "Authentication attempts.", ("mechanism", "result")),
    Spec(Counter, "auth_locks", "Networks and accounts that were locked for failed logins.", ("scope",)),
    Spec(Counter, "brake", "Logins whose mail is held because they passed a limit.", ("reason",)),
    Spec(Counter, "messages_received", "Messages accepted with a 250.", ("listener",)),
    Spec(Histogram, "message_size_bytes", "Size of accepted messages.", ("listener",), SIZES),
    Spec(Counter, "messages_rejected", "Messages and commands refused.", ("stage", "reason")),
    Spec(Histogram, "stage_duration_seconds", "Time that one message spent in a stage.", ("stage",), STAGES),
    Spec(Counter, "phi_findings", "Findings of the classifier.", ("category", "confidence")),
    Spec(Counter, "policy_decisions", "Decisions, one a recipient.", ("action", "protected")),
    Spec(Counter, "unscannable_parts", "Parts that could not be read, and therefore protected their message."),
    Spec(Counter, "next_hop_login_failures", "Sessions in which a smart host or route did not let us sign in."),
    Spec(Counter, "delivery_attempts", "Attempts to deliver.", ("method", "result")),
    Spec(Histogram, "delivery_duration_seconds", "From acceptance to delivery.", ("method",), DELAYS),
    Spec(Counter, "tls_sessions", "Deliveries by TLS version and verification.", ("version", "verification")),
    Spec(Counter, "tls_reports", "Reports of TLS sessions (RFC 8460) by way and end.", ("via", "result")),
    Spec(Counter, "tls_report_overflow", "TLS sessions that no report counts, because too many differ."),
    Spec(Counter, "tls_downgrades", "Destinations that used to offer TLS and did not."),
    Spec(Gauge, "business_associates", "Business associates by the state of their agreement.", ("agreement",)),
    Spec(Counter, "suppressed_recipients", "Recipients that bulk mail was not sent to.", ("purpose",)),
    Spec(Gauge, "held_overdue", "Held messages that nobody decided on in time (policy.hold_answer)."),
    Spec(Counter, "stopped_in_queue", "Copies held at an attempt, because a register no longer permits them."),
    Spec(Counter, "suppressions", "Addresses put on the suppression list by a bounce."),
    Spec(Counter, "senders_untold", "Notices to our own senders that could not be delivered.", ("kind",)),
    Spec(Counter, "tls_mismatches", "Destinations whose TLS is not what DANE, MTA-STS or a pin says."),
    Spec(Gauge, "dnssec_trusted", "1 while the resolver's AD flag counts; it has passed its self-test (dns.trust_ad)."),
    Spec(Counter, "unprotected_deliveries", "Unprotected messages that left without TLS."),
    Spec(Gauge, "queue_messages", "Queue entries by state.", ("state",)),
    Spec(Gauge, "queue_full", "1 while no mail is taken because limits.queue_messages was reached."),
    Spec(Gauge, "queue_oldest_message_age_seconds", "Age of the oldest entry by state.", ("state",)),
    Spec(Counter, "portal_messages", "Portal messages by event.", ("event",)),
    Spec(Counter, "portal_code", "Portal codes and PINs tried.", ("result",)),
    Spec(Counter, "dkim_sign", "DKIM signing of outgoing copies.", ("result",)),
    Spec(Gauge, "certificate_expiry_timestamp_seconds", "When a certificate of ours ends.", ("name",)),
    Spec(Gauge, "keys_ending", "Keys and certificates in use that have ended or end within 30 days.", ("kind",)),
    Spec(Gauge, "keys_pending", "OpenPGP keys that differ from the one on file and wait for a person."),
    Spec(Counter, "key_lookups", "Look-ups of recipients' keys and certificates.", ("source", "result")),
    Spec(Counter, "ocsp_lookups", "Issuers asked whether they revoked a recipient's certificate.", ("result",)),
    Spec(Gauge, "audit_tree_size", "Leaves of the audit log."),
    Spec(Gauge, "store_healthy", "1 while the store can commit."),
    Spec(Gauge, "config_refused", "1 while the configuration file that was read again has problems; the old one runs."),
    Spec(Gauge, "config_reload_success_timestamp_seconds", "When the configuration was last read without a problem."),
)


Collector = TypeVar("Collector", Counter, Gauge, Histogram)


class Metrics:
    """One registry with every metric of the table, found by name."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # otherwise one `_created` series for each child
        self.registry = CollectorRegistry()
        self._by_name = {spec.name: self._make(spec) for spec in METRICS}
        self._children: dict[tuple[str, tuple[str, ...]], Counter | Gauge | Histogram] = {}  # few: labels are bounded

    def counter(self, name: str, *labels: str) -> Counter:
        """The counter, or its child for these label values; KeyError for a name that is not in the table."""
        return self._find(Counter, name, labels)

    def gauge(self, name: str, *labels: str) -> Gauge:
        """As `counter`."""
        return self._find(Gauge, name, labels)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """As `counter`."""
        return self._find(Histogram, name, labels)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _make(self, spec: Spec) -> Counter | Gauge | Histogram:
        name = f"mailward_{spec.name}"
        if spec.kind is Histogram:
            return Histogram(name, spec.help, spec.labels, registry=self.registry, buckets=spec.buckets)
        return spec.kind(name, spec.help, spec.labels, registry=self.registry)

    def _find(self, kind: type[Collector], name: str, labels: tuple[str, ...]) -> Collector:
        metric = self._children.get((name, labels))
        if metric is None:
            parent = self._by_name[name]
            metric = self._children[name, labels] = parent.labels(*labels) if labels else parent
        if not isinstance(metric, kind):
            raise KeyError(name)
        return metric
