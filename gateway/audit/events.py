"""Events of messages and of the gateway: one constructor for each kind; the function's name is the kind,
`message_accepted` for `message.accepted`. What people change is in `gateway.audit.admin`.

Flat because there is nothing to it: typed facts in, an `Event` out. Facts are ids, addresses, counts, TLS facts, remote
replies and sentences of a trace; never a subject, a body, a file name, a matched value or a credential.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit.made import make, moment
from gateway.message.entry import QueueEntry
from gateway.message.envelope import Envelope
from gateway.message.event import Event, EventValue
from policy.decision import Decision, Method
from tls.evidence import TlsEvidence

# --- messages --------------------------------------------------------------------------------------------------------


def message_accepted(envelope: Envelope, *, queue_id: str, size: int) -> Event:
    """The message is ours: who handed it in, and how. size: bytes as received."""
    client = envelope.client
    return make(
        "message.accepted", envelope.received_at, queue_id,
        sender=envelope.sender, login=client.login, listener=client.listener, client_ip=client.ip, helo=client.helo,
        tls_version=client.tls_version, tls_cipher=client.tls_cipher, certificate=client.certificate, size=size,
        recipients=len(envelope.recipients), requiretls=envelope.requiretls, envid=envelope.envid,
    )  # fmt: skip


def message_decided(
    decision: Decision, *, at: datetime, queue_id: str, score: float, found: Mapping[str, int]
) -> Event:
    """What may happen for one recipient, and why. found: number of findings of each kind."""
    rules = {"rules": list(decision.rules)} if decision.rules else {}
    return make(
        "message.decided", at, queue_id, decision.recipient,
        action=decision.action.value, protected=decision.protected,
        methods=[method.value for method in decision.methods], score=round(score, 4),
        found=[f"{kind}: {count}" for kind, count in sorted(found.items())], trace=list(decision.trace), **rules,
    )  # fmt: skip


def message_refused(envelope: Envelope, decision: Decision, *, queue_id: str) -> Event:
    """A rule refused it for this recipient: an ending. Refused for all, nothing of it was kept."""
    client = envelope.client
    return make(
        "message.refused", envelope.received_at, queue_id, decision.recipient,
        sender=envelope.sender, login=client.login, listener=client.listener, client_ip=client.ip,
        rules=list(decision.rules), trace=list(decision.trace),
    )  # fmt: skip


def message_infected(envelope: Envelope, *, found: str) -> Event:
    """A virus scanner kept it from being accepted, and nothing of it was kept. found: by its name, or why in words."""
    client = envelope.client
    return make(
        "message.infected", envelope.received_at,
        sender=envelope.sender, login=client.login, listener=client.listener, client_ip=client.ip,
        recipients=len(envelope.recipients), found=found,
    )  # fmt: skip


def message_held(entry: QueueEntry, *, at: datetime, why: str, by: str = "") -> Event:
    """by: the person or command that holds it; empty when the gateway does."""
    return _about(entry, "message.held", at, why=why, **({"by": by} if by else {}))


def hold_overdue(entry: QueueEntry, *, at: datetime, urgent: bool) -> Event:
    """Alarm: nobody decided on held mail in the time that is set."""
    return _about(entry, "hold.overdue", at, urgent=urgent)


def message_released(entry: QueueEntry, *, at: datetime, by: str, why: str, login: str = "", shows: str = "") -> Event:
    """by: the person or command that released it, in their own words; login: of the system, where it is known.

    shows: where that person read in the message what a law wants with it; empty: nobody was asked.
    """
    return _about(entry, "message.released", at, by=by, why=why, **_known(system_login=login, shows=shows))


def message_approved(entry: QueueEntry, *, at: datetime, by: str, why: str, login: str = "", shows: str = "") -> Event:
    """One of two persons lets it go; it waits for the other. by, login, shows: as of a release."""
    return _about(entry, "message.approved", at, by=by, why=why, **_known(system_login=login, shows=shows))


def message_rejected(entry: QueueEntry, *, at: datetime, by: str, why: str) -> Event:
    """A person, or policy, refused to let it leave: an ending."""
    return _about(entry, "message.rejected", at, by=by, why=why)


def message_deleted(entry: QueueEntry, *, at: datetime, by: str, why: str) -> Event:
    """An ending: an operator took it out of the queue, and its sender is told nothing."""
    return _about(entry, "message.deleted", at, by=by, why=why, state=entry.state.value)


def message_bounced(entry: QueueEntry, *, at: datetime, by: str, why: str) -> Event:
    """An ending: an operator gave it back; the sender is told."""
    return _about(entry, "message.bounced", at, by=by, why=why, state=entry.state.value)


def message_suppressed(entry: QueueEntry, *, at: datetime, purpose: str, reason: str) -> Event:
    """An ending: bulk mail for an address on the suppression list; the sender is told. reason: why it is on it."""
    return _about(entry, "message.suppressed", at, purpose=purpose, reason=reason, reply=entry.last_reply)


# --- delivery --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt as evidence. seen: the ladder's word; evidence: None in clear, or when no certificate was seen.

    host, ip, port: the peer that decided; reply: its last line; took_s: seconds from look-up to the last reply.
    keys: fingerprints of the OpenPGP or S/MIME certificates that open what was sent.
    is_seven_bit: what was sent is the 7-bit form of the message, not its own octets.
    required: who asked for what TLS. dnssec, mta_sts: what is published. tls_failure: why there was no TLS that counts;
    unmet_wish: the same for what MTA-STS only tests. hosts: what each host did, where several were tried.
    """

    method: Method
    seen: str
    host: str
    ip: str
    port: int
    reply: str
    evidence: TlsEvidence | None
    took_s: float
    keys: tuple[str, ...] = ()
    is_seven_bit: bool = False
    required: tuple[str, ...] = ()
    dnssec: str = ""
    mta_sts: str = ""
    tls_failure: str = ""
    unmet_wish: str = ""
    hosts: tuple[str, ...] = ()


def delivery_attempted(entry: QueueEntry, attempt: Try, *, at: datetime) -> Event:
    """Everything that is known of it: the delivery's event repeats what a receipt needs."""
    chain = () if attempt.evidence is None else attempt.evidence.chain
    more = _given(
        hosts=list(attempt.hosts), chain=list(chain), tls_failure=attempt.tls_failure, unmet_wish=attempt.unmet_wish
    )
    return _about(entry, "delivery.attempted", at, attempts=entry.attempts, **_try(attempt), **more)


def delivery_delivered(entry: QueueEntry, attempt: Try, *, at: datetime) -> Event:
    """An ending: the next hop took responsibility."""
    return _about(entry, "delivery.delivered", at, protected=entry.protected, **_try(attempt))


def delivery_deferred(entry: QueueEntry, *, at: datetime, why: str) -> Event:
    return _about(
        entry, "delivery.deferred", at,
        why=why, attempts=entry.attempts, reply=entry.last_reply, next_attempt_at=moment(entry.next_attempt_at),
    )  # fmt: skip


def delivery_climbed(entry: QueueEntry, *, at: datetime, old: Method, new: Method, why: str) -> Event:
    return _about(entry, "delivery.climbed", at, old=old.value, new=new.value, why=why)


def delivery_bounced(entry: QueueEntry, *, at: datetime, why: str) -> Event:
    """An ending: the sender is told."""
    return _about(entry, "delivery.bounced", at, why=why, attempts=entry.attempts, reply=entry.last_reply)


def delivery_expired(entry: QueueEntry, *, at: datetime) -> Event:
    """An ending: not delivered in time, and the sender is told."""
    return _about(entry, "delivery.expired", at, attempts=entry.attempts, reply=entry.last_reply)


def delivery_possible_duplicate(entry: QueueEntry, *, at: datetime, host: str) -> Event:
    """The connection broke after the final dot: the peer may have the message."""
    return _about(entry, "delivery.possible_duplicate", at, host=host)


def delivery_tls_downgrade(entry: QueueEntry, *, at: datetime, host: str, why: str) -> Event:
    """Alarm: a domain that used to have TLS does not."""
    return _about(entry, "delivery.tls_downgrade", at, host=host, why=why)


def delivery_tls_mismatch(
    entry: QueueEntry, *, at: datetime, host: str, why: str, tls_failure: str, certificate: str
) -> Event:
    """Alarm: a host's TLS is not what DANE, MTA-STS or a pin says, whether or not another host then took the message.

    certificate: SHA-256 of the one that it showed, if any.
    """
    more = _given(tls_failure=tls_failure, certificate=certificate)
    return _about(entry, "delivery.tls_mismatch", at, host=host, why=why, **more)


def dsn_created(entry: QueueEntry, *, at: datetime, dsn_id: str, action: str, to: str) -> Event:
    """A delivery status notice was queued. action: RFC 3464 section 2.3.3, such as failed or delayed."""
    return _about(entry, "dsn.created", at, dsn_id=dsn_id, action=action, to=to)


def incident_untold(entry: QueueEntry, *, at: datetime, about_id: str, what: str) -> Event:
    """Incident: a notice to a sender of ours could not be delivered, so somebody has to tell him (OB-11).

    about_id: the message that it is about; what: the kind of the notice.
    """
    return _about(
        entry, "incident.untold", at, about=about_id, what=what, attempts=entry.attempts, reply=entry.last_reply
    )  # fmt: skip


# --- portal ----------------------------------------------------------------------------------------------------------


def portal_published(entry: QueueEntry, *, at: datetime, secret: str, expires_at: datetime) -> Event:
    """secret: "code" or "pin", what pickup asks for."""
    return _about(entry, "portal.published", at, secret=secret, expires_at=moment(expires_at))


def portal_noticed(entry: QueueEntry, *, at: datetime, notice_id: str) -> Event:
    """notice_id: queue id of the notice to the recipient."""
    return _about(entry, "portal.noticed", at, notice_id=notice_id)


def portal_code_sent(*, at: datetime, queue_id: str, recipient: str, code_id: str) -> Event:
    """code_id: queue id of the mail with the code."""
    return make("portal.code_sent", at, queue_id, recipient, code_id=code_id)


def portal_pin_made(*, at: datetime, queue_id: str, recipient: str, why: str) -> Event:
    """A PIN opens the message from now on, and the sender was told it; the PIN itself is nowhere in the log."""
    return make("portal.pin_made", at, queue_id, recipient, why=why)


def portal_code_failed(*, at: datetime, queue_id: str, recipient: str, client_ip: str, tries_left: int) -> Event:
    return make("portal.code_failed", at, queue_id, recipient, client_ip=client_ip, tries_left=tries_left)


def portal_opened(*, at: datetime, queue_id: str, recipient: str, client_ip: str, secret: str) -> Event:
    """The first time an ending: picked up."""
    return make("portal.opened", at, queue_id, recipient, client_ip=client_ip, secret=secret)


def portal_downloaded(*, at: datetime, queue_id: str, recipient: str, client_ip: str, part: str, size: int) -> Event:
    """part: its number in the message (RFC 9051 section 6.4.5), never its file name."""
    return make("portal.downloaded", at, queue_id, recipient, client_ip=client_ip, part=part, size=size)


def portal_refused(*, at: datetime, queue_id: str, recipient: str, client_ip: str) -> Event:
    """Who may read this message asked for what is not part of it, such as the id of another (ID-12, PO-12)."""
    return make("portal.refused", at, queue_id, recipient, client_ip=client_ip)


def portal_expired(*, at: datetime, queue_id: str, recipient: str, was_opened: bool) -> Event:
    return make("portal.expired", at, queue_id, recipient, was_opened=was_opened)


# --- the gateway itself ----------------------------------------------------------------------------------------------


def gateway_started(*, at: datetime, version: str, node: str) -> Event:
    return make("gateway.started", at, version=version, node=node)


def gateway_stopped(*, at: datetime, node: str) -> Event:
    return make("gateway.stopped", at, node=node)


def heartbeat(*, at: datetime, node: str, queued: int) -> Event:
    """Bounds silence: a log without it for longer than its interval lacks something (AU-06)."""
    return make("heartbeat", at, node=node, queued=queued)


def config_refused(*, at: datetime, keys: Sequence[str]) -> Event:
    """Alarm: the configuration was read again and has problems; what ran before stays. keys: dotted, no values."""
    return make("config.refused", at, keys=list(keys))


def config_accepted(*, at: datetime) -> Event:
    """The configuration has no problems any more."""
    return make("config.accepted", at)


def policy_changed(*, at: datetime, before: str, after: str, keys: Sequence[str]) -> Event:
    """A reload took up another policy. before, after: versions, as records of decisions have them. keys: no values."""
    return make("policy.changed", at, before=before, after=after, keys=list(keys))


def control_refused(*, at: datetime, uid: int) -> Event:
    """A local user who may not steer the gateway tried to (ID-12)."""
    return make("control.refused", at, uid=uid)


def resolver_tested(*, at: datetime, verdict: str, why: str) -> Event:
    """The self-test of a resolver that `dns.trust_ad` believes. Alarm unless the verdict is `validating`."""
    return make("resolver.tested", at, verdict=verdict, why=why)


def queue_full(*, at: datetime, queued: int, limit: int) -> Event:
    """So much waits for delivery that no new mail is taken (RX-09)."""
    return make("queue.full", at, queued=queued, limit=limit)


def queue_drained(*, at: datetime, queued: int) -> Event:
    """Mail is taken again."""
    return make("queue.drained", at, queued=queued)


def _about(entry: QueueEntry, kind: str, at: datetime, **data: EventValue | list[str]) -> Event:
    method = entry.method.value if entry.methods else ""  # held and rejected mail has no ladder
    return make(kind, at, entry.queue_id, entry.recipient, entry=entry.id, method=method, **data)


def _known(**data: str) -> dict[str, str]:
    return {name: text for name, text in data.items() if text}


KEYS_OF: Final = {Method.SMIME: "smime_certificates"}  # how evidence names what opens it; else as OpenPGP keys


def _try(attempt: Try) -> dict[str, EventValue | list[str]]:
    facts: dict[str, EventValue | list[str]] = {
        "tried": attempt.method.value,
        "seen": attempt.seen,
        "host": attempt.host,
        "ip": attempt.ip,
        "port": attempt.port,
        "reply": attempt.reply,
        "took_s": round(attempt.took_s, 3),
    }
    facts |= _given(required=list(attempt.required), dnssec=attempt.dnssec, mta_sts=attempt.mta_sts)
    if attempt.keys:
        facts[KEYS_OF.get(attempt.method, "openpgp_keys")] = list(attempt.keys)
    if attempt.is_seven_bit:
        facts["form"] = "7bit"
    if attempt.evidence is not None:
        facts |= {
            "tls_version": attempt.evidence.version,
            "tls_cipher": attempt.evidence.cipher,
            "certificate": attempt.evidence.fingerprint,
            "verification": attempt.evidence.verification,
        }
    return facts


def _given(**facts: EventValue | list[str]) -> dict[str, EventValue | list[str]]:
    """Those that say something."""
    return {name: value for name, value in facts.items() if value}
