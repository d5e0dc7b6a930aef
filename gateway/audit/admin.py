"""Events of administration: who may send, keys, lists, registers and brakes.

As in `gateway.audit.events`, the function's name is the kind.
"""

from collections.abc import Sequence
from datetime import datetime

from gateway.audit.made import make, moment
from gateway.message.event import Event
from policy.baa import Organisation
from policy.consent import Consent


def glass_broken(
    *, at: datetime, queue_id: str, recipient: str, by: str, role: str, rules: Sequence[str], why: str,
    affiliation: str = "", login: str = "",
) -> Event:  # fmt: skip
    """Alarm: somebody let held treatment mail go in an emergency. rules: that held it. affiliation: of who receives it,
    with their name, where that was asked for (42 CFR 2.51(c)(1)); why: then the nature of the emergency. login: of the
    system, as of a release."""
    return make(
        "glass.broken", at, queue_id, recipient,
        by=by, role=role, rules=list(rules), why=why, affiliation=affiliation, system_login=login,
    )  # fmt: skip


def glass_reviewed(*, at: datetime, queue_id: str, used_at: str, by: str, why: str, login: str = "") -> Event:
    """used_at: when the glass was broken. login: of the system."""
    return make("glass.reviewed", at, queue_id, used_at=used_at, by=by, why=why, system_login=login)


def decision_corrected(*, at: datetime, queue_id: str, recipient: str, correction: str, action: str, by: str) -> Event:
    """A person says that a decision was wrong. correction: its id; action: what it should have been, else empty."""
    return make("decision.corrected", at, queue_id, recipient, correction=correction, action=action, by=by)


def labels_exported(*, at: datetime, by: str, why: str, since: datetime, until: datetime, count: int) -> Event:
    """Somebody took masked labels out of here. since, until: of the acts they are about; count: of messages."""
    return make("labels.exported", at, by=by, why=why, since=moment(since), until=moment(until), count=count)


# --- people and keys -------------------------------------------------------------------------------------------------


def auth_failed(*, at: datetime, login: str, client_ip: str, why: str) -> Event:
    """A failed login of somebody who exists; strangers are in the log of the service, and cannot fill this one.

    why: `password`, `network` or `expired`.
    """
    return make("auth.failed", at, login=login, client_ip=client_ip, why=why)


def auth_locked(*, at: datetime, scope: str, login: str, client_ip: str) -> Event:
    """Too many failed logins. scope: `network`, `account` or `account-here`; login: empty when there is no such one."""
    return make("auth.locked", at, scope=scope, login=login, client_ip=client_ip)


def credential_created(
    *, at: datetime, name: str, senders: Sequence[str], networks: Sequence[str], expires_at: datetime | None, by: str
) -> Event:
    """A password for a program, and what it allows."""
    return make(
        "credential.created", at,
        name=name, senders=list(senders), networks=list(networks),
        expires_at=None if expires_at is None else moment(expires_at), by=by,
    )  # fmt: skip


def credential_revoked(*, at: datetime, name: str, by: str, why: str) -> Event:
    return make("credential.revoked", at, name=name, by=by, why=why)


def user_added(*, at: datetime, address: str, role: str, by: str) -> Event:
    return make("user.added", at, address=address, role=role, by=by)


def user_password_changed(*, at: datetime, address: str, by: str) -> Event:
    return make("user.password_changed", at, address=address, by=by)


def user_disabled(*, at: datetime, address: str, by: str) -> Event:
    return make("user.disabled", at, address=address, by=by)


def user_delegated(*, at: datetime, address: str, other: str, by: str) -> Event:
    """Somebody may send as another address from now on."""
    return make("user.delegated", at, address=address, may_send_as=other, by=by)


def user_undelegated(*, at: datetime, address: str, other: str, by: str) -> Event:
    return make("user.undelegated", at, address=address, may_send_as=other, by=by)


def key_imported(*, at: datetime, address: str, fingerprint: str, expires_at: datetime | None, by: str) -> Event:
    """A recipient's OpenPGP certificate."""
    return make(
        "key.imported", at,
        address=address, fingerprint=fingerprint, expires_at=None if expires_at is None else moment(expires_at), by=by,
    )  # fmt: skip


def key_found(*, at: datetime, address: str, fingerprint: str, source: str, trust: str) -> Event:
    """A look-up found a recipient's OpenPGP certificate, new or renewed. trust: `pending` when it differs from ours."""
    return make("key.found", at, address=address, fingerprint=fingerprint, source=source, trust=trust)


def key_trusted(*, at: datetime, fingerprint: str, by: str) -> Event:
    """Somebody compared it with the recipient."""
    return make("key.trusted", at, fingerprint=fingerprint, by=by)


def key_accepted(*, at: datetime, fingerprint: str, by: str) -> Event:
    """A key that had waited counts from now on, in place of the others of its addresses."""
    return make("key.accepted", at, fingerprint=fingerprint, by=by)


def key_rejected(*, at: datetime, fingerprint: str, by: str) -> Event:
    """A key that had waited will never count; what was on file does again."""
    return make("key.rejected", at, fingerprint=fingerprint, by=by)


def key_forgotten(*, at: datetime, fingerprint: str, by: str) -> Event:
    return make("key.forgotten", at, fingerprint=fingerprint, by=by)


def certificate_imported(
    *, at: datetime, address: str, fingerprint: str, trust: str, expires_at: datetime, by: str
) -> Event:
    """A recipient's S/MIME certificate. trust: why it is believed."""
    return make(
        "certificate.imported", at,
        address=address, fingerprint=fingerprint, trust=trust, expires_at=moment(expires_at), by=by,
    )  # fmt: skip


def certificate_trusted(*, at: datetime, fingerprint: str, by: str) -> Event:
    """Somebody compared it with the recipient, so that no chain is asked for any more."""
    return make("certificate.trusted", at, fingerprint=fingerprint, by=by)


def certificate_revoked(*, at: datetime, fingerprint: str, by: str) -> Event:
    """Its issuer said so; it is not used any more. by: who asked."""
    return make("certificate.revoked", at, fingerprint=fingerprint, by=by)


def certificate_forgotten(*, at: datetime, fingerprint: str, by: str) -> Event:
    return make("certificate.forgotten", at, fingerprint=fingerprint, by=by)


def dkim_prepared(*, at: datetime, domain: str, selectors: list[str], by: str) -> Event:
    """Keys of ours were made that do not sign yet."""
    return make("dkim.prepared", at, domain=domain, selectors=selectors, by=by)


def dkim_rotated(*, at: datetime, domain: str, old: list[str], new: list[str], until: datetime, by: str) -> Event:
    """Other keys sign from now on. until: how long the records of the old selectors must stay."""
    return make("dkim.rotated", at, domain=domain, old=old, new=new, old_until=moment(until), by=by)


def own_key_added(*, at: datetime, domain: str, fingerprint: str, replaces: str, by: str) -> Event:
    """An OpenPGP key of ours signs a domain's mail from now on. replaces: the one before it, which signs no more."""
    return make("own_key.added", at, domain=domain, fingerprint=fingerprint, replaces=replaces, by=by)


def own_key_retired(*, at: datetime, domain: str, fingerprint: str, by: str) -> Event:
    """It signs no more, and no other does."""
    return make("own_key.retired", at, domain=domain, fingerprint=fingerprint, by=by)


def master_key_rotated(*, at: datetime, old: str, by: str) -> Event:
    """Everything is sealed by another key from now on. old: names the one before it."""
    return make("master_key.rotated", at, old=old, by=by)


# --- the suppression list ---------------------------------------------------------------------------------------------


def suppression_added(
    *, at: datetime, address: str, reason: str, by: str, why: str, about_id: str = "", status: str = ""
) -> Event:
    """Bulk mail does not go to this address from now on. about_id, status: the message that bounced (RFC 3463)."""
    return make("suppression.added", at, "", address, reason=reason, status=status, by=by, why=why, about=about_id)


def suppression_removed(*, at: datetime, address: str, by: str, why: str) -> Event:
    return make("suppression.removed", at, "", address, by=by, why=why)


# --- the registers ---------------------------------------------------------------------------------------------------


def consent_recorded(consent: Consent, *, at: datetime) -> Event:
    """A patient consented to something, asked for it or refused it. The patient: an address or a keyed hash."""
    return make(
        "consent.recorded", at, id=consent.id, patient=consent.patient, consent=consent.kind.value,
        purposes=list(consent.purposes), recipients=list(consent.recipients), given_at=moment(consent.given_at),
        expires_at=_end(consent.expires_at), evidence=consent.evidence, by=consent.recorded_by,
        topics=list(consent.topics), covers=consent.covers,
    )  # fmt: skip


def consent_revoked(consent: Consent, *, at: datetime, by: str, why: str) -> Event:
    return make(
        "consent.revoked", at, id=consent.id, patient=consent.patient, consent=consent.kind.value, by=by, why=why
    )


def baa_recorded(organisation: Organisation, *, at: datetime) -> Event:
    """An organisation with its agreement, or without one; in place of what was recorded under its name before."""
    one = organisation
    return make(
        "baa.recorded", at, name=one.name, relation=one.relation.value, domains=list(one.domains),
        purposes=list(one.purposes), qsoa=one.is_qsoa, agreed_at=_end(one.agreed_at), expires_at=_end(one.expires_at),
        contact=one.contact, by=one.recorded_by,
    )  # fmt: skip


def baa_expiring(*, at: datetime, name: str, state: str, expires_at: datetime | None) -> Event:
    """Alarm: an agreement ends soon, or has run out. state: as the gauge has it, such as `ends within 30 days`."""
    return make("baa.expiring", at, name=name, state=state, expires_at="" if expires_at is None else moment(expires_at))


def baa_ended(*, at: datetime, name: str, by: str, why: str) -> Event:
    return make("baa.ended", at, name=name, by=by, why=why)


def patients_bound(*, at: datetime, count: int, by: str) -> Event:
    """So many patients were bound to their addresses, or bound anew."""
    return make("patients.bound", at, count=count, by=by)


def patients_forgotten(*, at: datetime, by: str, why: str) -> Event:
    """One patient is off the index of addresses; which one, nobody can tell any more."""
    return make("patients.forgotten", at, by=by, why=why)


def segment_filled(*, at: datetime, name: str, count: int, by: str) -> Event:
    """A list of recipients that bulk mail may name; in place of one of that name."""
    return make("segment.filled", at, name=name, count=count, by=by)


def segment_dropped(*, at: datetime, name: str, by: str, why: str) -> Event:
    return make("segment.dropped", at, name=name, by=by, why=why)


def _end(at: datetime | None) -> str:
    return "" if at is None else moment(at)


# --- the brake -------------------------------------------------------------------------------------------------------


def brake_engaged(*, at: datetime, login: str, reason: str) -> Event:
    """A login sent too much: its mail is held from now on. reason: the limit that was passed."""
    return make("brake.engaged", at, login=login, reason=reason)


def brake_released(*, at: datetime, login: str, by: str, why: str) -> Event:
    return make("brake.released", at, login=login, by=by, why=why)
