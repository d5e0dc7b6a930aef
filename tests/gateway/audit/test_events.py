"""One constructor a kind: the name says the kind, and no parameter could carry content."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from gateway.audit import admin, events
from gateway.audit.events import Try
from gateway.message.envelope import Client, Envelope, Recipient
from gateway.message.event import Event
from gateway.store.sequencer import canonical_body
from policy.baa import Organisation, Relation
from policy.consent import Consent, Kind
from policy.decision import Action, Decision, Method
from tests.gateway.store.parts import NOW, make_entry
from tls.evidence import TlsEvidence
from tls.levels import TlsLevel

CONSTRUCTORS: dict[str, Callable[..., Event]] = {
    name: value
    for module in (events, admin)
    for name, value in inspect.getmembers(module, inspect.isfunction)
    if value.__module__ == module.__name__ and not name.startswith("_")
}
EVIDENCE = TlsEvidence(
    level=TlsLevel.VERIFIED, version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", fingerprint="ab" * 32,
    verification="webpki, MX unsigned",
)  # fmt: skip
ENVELOPE = Envelope(
    sender="nurse@clinic.example",
    recipients=(Recipient(address="a@x.example"), Recipient(address="b@x.example")),
    client=Client(
        listener="submission", ip="192.0.2.7", port=4711, helo="ehr", login="nurse@clinic.example",
        tls_version="TLSv1.3", tls_cipher="TLS_AES_256_GCM_SHA384",
    ),
    received_at=NOW,
)  # fmt: skip
ATTEMPT = Try(
    method=Method.TLS, seen="delivered", host="mx.x.example", ip="192.0.2.25", port=25, reply="250 2.0.0 ok",
    evidence=EVIDENCE, took_s=0.12345,
)  # fmt: skip
DECISION = Decision(
    recipient="a@x.example", action=Action.PROTECT, protected=True, methods=(Method.TLS, Method.PORTAL),
    trace=("Identifier and diagnosis in part 1.",),
)  # fmt: skip

CONSENT = Consent(
    id="C1", patient="pat@x.example", kind=Kind.PART2, purposes=("treatment",), recipients=("x.example",),
    given_at=NOW, recorded_by="admin", recorded_at=NOW,
)  # fmt: skip
ORGANISATION = Organisation(
    name="Billing Ltd", relation=Relation.ASSOCIATE, domains=("x.example",), purposes=("payment",), agreed_at=NOW,
    recorded_by="admin", recorded_at=NOW,
)  # fmt: skip

# A value for each parameter, by its name.
VALUES: dict[str, object] = {
    "about_id": "Q2", "action": "failed", "address": "dr@x.example", "affiliation": "Dr A Roe, Mercy", "at": NOW,
    "after": "c3d4", "attempt": ATTEMPT, "before": "a1b2", "by": "admin",
    "client_ip": "192.0.2.7", "code_id": "C1", "count": 12, "decision": DECISION, "dsn_id": "D1",
    "entry": make_entry("Q1"),
    "envelope": ENVELOPE, "expires_at": NOW + timedelta(days=1), "fingerprint": "AB" * 20,
    "found": {"ssn": 2, "dob": 1},
    "host": "mx.x.example", "keys": ["policy.rule[2].when"], "listener": "submission", "limit": 100,
    "login": "nurse@clinic.example", "shows": "last page",
    "name": "scanner-3", "networks": ["10.0.0.0/8"], "new": Method.PORTAL, "node": "n1",
    "notice_id": "N1", "old": Method.TLS, "other": "lab@clinic.example", "part": "1.2", "queue_id": "Q1",
    "queued": 3, "recipient": "a@x.example", "reason": "messages",
    "replaces": "CD" * 20, "reply": "451 4.3.0 later", "role": "user", "scope": "network", "score": 0.87654321,
    "senders": ["scan@clinic.example"], "secret": "pin", "size": 5120, "source": "wkd", "to": "s@x.example",
    "tries_left": 2, "trust": "chain", "uid": 33, "verdict": "no-ad", "version": "0.1.0", "was_opened": False,
    "what": "dsn", "tls_failure": "tlsa-mismatch", "certificate": "ab" * 32,
    "purpose": "marketing", "status": "5.1.1", "consent": CONSENT, "organisation": ORGANISATION,
    "why": "no TLS offered", "correction": "K1", "domain": "clinic.example", "rules": ["misaddressed/other-patient"],
    "selectors": ["s2026a"], "state": "ends within 30 days", "until": NOW + timedelta(days=14), "urgent": True,
    "used_at": "2026-01-02T03:04:05+00:00", "since": NOW,
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_each_constructor_makes_its_kind(name: str) -> None:
    """The kind is the function's name; everything in it can be written as a canonical body."""
    constructor = CONSTRUCTORS[name]
    parameters = inspect.signature(constructor).parameters
    positional = [VALUES[key] for key, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    named = {key: VALUES[key] for key, one in parameters.items() if one.kind is one.KEYWORD_ONLY}
    event = constructor(*positional, **named)
    assert event.kind.replace(".", "_", 1) == name
    assert event.at == NOW
    body = msgspec.json.decode(canonical_body(event, seq=7, behind_s=0))
    assert (body["seq"], body["kind"]) == (7, event.kind)
    assert set(event.data) & {"subject", "body", "content", "password", "file", "filename", "pin", "code"} == set()


def test_all_kinds_of_the_issue_are_there() -> None:
    """AU-06: every step of every recipient has a word."""
    wanted = """message_accepted message_decided message_held message_released message_rejected delivery_attempted
    delivery_delivered delivery_deferred delivery_climbed delivery_bounced delivery_expired delivery_possible_duplicate
    delivery_tls_downgrade delivery_tls_mismatch portal_published portal_noticed portal_code_sent portal_code_failed
    portal_opened portal_downloaded portal_expired dsn_created key_imported key_found key_trusted
    key_accepted key_rejected user_added user_password_changed
    user_disabled auth_failed
    user_delegated user_undelegated auth_locked brake_engaged brake_released
    credential_created credential_revoked gateway_started gateway_stopped resolver_tested
    consent_recorded consent_revoked baa_recorded baa_ended message_approved patients_bound patients_forgotten
    segment_filled segment_dropped baa_expiring hold_overdue decision_corrected glass_broken glass_reviewed
    labels_exported
    dkim_prepared dkim_rotated own_key_added own_key_retired master_key_rotated heartbeat queue_full queue_drained
    control_refused portal_refused config_refused config_accepted policy_changed
    message_deleted message_bounced incident_untold message_suppressed suppression_added suppression_removed"""
    assert set(wanted.split()) <= CONSTRUCTORS.keys()


def test_a_delivery_carries_its_evidence() -> None:
    """Invariant 3: TLS version, cipher, certificate, how it was verified, and what the peer said."""
    event = events.delivery_delivered(make_entry("Q1"), ATTEMPT, at=NOW)
    assert event.queue_id == "Q1"
    assert event.recipient == "patient1@mail.example"
    assert event.data == {
        "entry": "Q1-1", "method": "tls", "protected": True, "tried": "tls", "seen": "delivered",
        "host": "mx.x.example", "ip": "192.0.2.25", "port": 25, "reply": "250 2.0.0 ok", "took_s": 0.123,
        "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_256_GCM_SHA384", "certificate": "ab" * 32, "verification": "webpki, MX unsigned",
    }  # fmt: skip


def test_an_attempt_tells_what_it_went_by() -> None:
    """TL-29, invariant 6: each demand and who made it, what is published, and why it was not met; the whole chain."""
    attempt = replace(
        ATTEMPT, evidence=replace(EVIDENCE, chain=("cd" * 32,)),
        required=("DANE: TLSA records of _25._tcp.mx.x.example",),
        dnssec="MX signed, TLSA usable", mta_sts="enforce", tls_failure="tlsa-mismatch", unmet_wish="wrong-name",
        hosts=("mx.x.example has no TLS", "mx2.x.example: 451 later"),
    )  # fmt: skip
    event = events.delivery_attempted(make_entry("Q1"), attempt, at=NOW)
    wanted = {
        "required": ["DANE: TLSA records of _25._tcp.mx.x.example"], "dnssec": "MX signed, TLSA usable",
        "mta_sts": "enforce", "tls_failure": "tlsa-mismatch", "unmet_wish": "wrong-name", "chain": ["cd" * 32],
        "hosts": ["mx.x.example has no TLS", "mx2.x.example: 451 later"],
    }  # fmt: skip
    assert wanted.items() <= event.data.items()
    receipt = events.delivery_delivered(make_entry("Q1"), attempt, at=NOW).data
    assert set(wanted) & set(receipt) == {"required", "dnssec", "mta_sts"}


def test_a_decision_carries_counts_not_values() -> None:
    """AU-09: how many of each kind were found, never what."""
    event = events.message_decided(DECISION, at=NOW, queue_id="Q1", score=0.87654321, found={"ssn": 2, "dob": 1})
    assert event.data["found"] == ["dob: 1", "ssn: 2"]
    assert event.data["score"] == 0.8765
    assert event.data["methods"] == ["tls", "portal"]


def test_mail_without_a_ladder_has_events_too() -> None:
    """Held and rejected mail has no methods."""
    event = events.message_held(make_entry("Q1", methods=()), at=NOW, why="rule no-ssn-lists")
    assert event.data["method"] == ""
