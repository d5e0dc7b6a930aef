"""The schema, portable between SQLite and PostgreSQL. Migrations in `migrations/` are the truth for existing data.

Times are microseconds since 1970 in UTC (`UtcMicros`); ciphertext columns say in `vault` what their additional data is.
"""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from gateway.store.times import micros, moment


class UtcMicros(sa.types.TypeDecorator[datetime]):
    """An aware datetime as a 64-bit integer: same order, same bytes on every engine."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


metadata: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row a message, content apart. wrapped_key is NULL once the content is destroyed; the row stays as evidence.
message: Final = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sender", sa.String(320), nullable=False),
    sa.Column("login", sa.String(320), nullable=False),
    sa.Column("envid", sa.String(100), nullable=False),
    sa.Column("ret", sa.String(4), nullable=False),
    sa.Column("about_id", sa.String(26), nullable=False),  # for notices, codes and DSNs: the message they are about
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("received_at", UtcMicros, nullable=False),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Index("ix_message_login", "login", "received_at"),
)

# Sealed content in 1 MiB pieces. Written ahead of a large message; pieces without a message are swept at start.
content: Final = sa.Table(
    "content",
    metadata,
    sa.Column("message_id", sa.String(26), primary_key=True),
    sa.Column(
        "part", sa.String(16), primary_key=True
    ),  # "message" (bytes as they came, edited header), "report" (findings)
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
)

# One row a recipient. Leases: at most one worker holds an entry; a lease that lapsed may be taken by any.
entry: Final = sa.Table(
    "entry",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("queue_id", sa.String(26), sa.ForeignKey("message.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sender", sa.String(320), nullable=False),
    sa.Column("recipient", sa.String(320), nullable=False),
    sa.Column("domain", sa.String(255), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("protected", sa.Boolean, nullable=False),
    sa.Column("methods", sa.String(64), nullable=False),  # comma-separated, in order
    sa.Column("rung", sa.Integer, nullable=False),
    sa.Column("rung_since", UtcMicros),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("queued_at", UtcMicros, nullable=False),
    sa.Column("next_attempt_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros, nullable=False),
    sa.Column("last_reply", sa.String(512), nullable=False),
    sa.Column("notify", sa.String(40), nullable=False),
    sa.Column("orcpt", sa.String(512), nullable=False),
    sa.Column("requiretls", sa.Boolean, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("delay_notified", sa.Boolean, nullable=False),
    sa.Column("tls_refused", sa.Boolean, nullable=False),
    sa.Column("possible_duplicate", sa.Boolean, nullable=False),
    sa.Column("trace", sa.Text, nullable=False),  # JSON list of sentences: why these methods
    sa.Column("lease_owner", sa.String(40), nullable=False),
    sa.Column("lease_until", UtcMicros),
    # In the order of claiming; with the domain, so that what rests at the head of a long queue is passed over here.
    sa.Index("ix_entry_due", "state", "urgent", "next_attempt_at", "domain"),
)

person: Final = sa.Table(
    "person",
    metadata,
    sa.Column("address", sa.String(320), primary_key=True),
    sa.Column("password_hash", sa.String(256), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("created_at", UtcMicros, nullable=False),
    sa.Column("disabled_at", UtcMicros),
)

# Addresses that a person may send as, beside the own one.
delegation: Final = sa.Table(
    "delegation",
    metadata,
    sa.Column("address", sa.String(320), sa.ForeignKey("person.address"), primary_key=True),
    sa.Column("may_send_as", sa.String(320), primary_key=True),
    sa.Column("created_at", UtcMicros, nullable=False),
)

# Logins whose mail is held because they sent too much. Counting begins anew at released_at; NULL while the brake is on.
brake: Final = sa.Table(
    "brake",
    metadata,
    sa.Column("login", sa.String(320), primary_key=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("engaged_at", UtcMicros, nullable=False),
    sa.Column("released_at", UtcMicros),
)

# MTA-STS policies as fetched, one a domain; `body` is what `parse_policy` reads. A restart must not lose one (TL-16).
sts_policy: Final = sa.Table(
    "sts_policy",
    metadata,
    sa.Column("domain", sa.String(255), primary_key=True),
    sa.Column("id", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("fetched_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros, nullable=False),
)

# Passwords for programs. The secret is random, so its SHA-256 says nothing about it. Never deleted: a name means one
# program for as long as the audit log speaks of it.
credential: Final = sa.Table(
    "credential",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("senders", sa.Text, nullable=False),  # JSON list: addresses, `*@domain`, `<>`
    sa.Column("networks", sa.Text, nullable=False),  # JSON list; empty: from anywhere
    sa.Column("messages_per_hour", sa.Integer),
    sa.Column("recipients_per_hour", sa.Integer),
    sa.Column("phi_per_hour", sa.Integer),
    sa.Column("created_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros),
    sa.Column("last_used_at", UtcMicros),
    sa.Column("revoked_at", UtcMicros),
)

openpgp_certificate: Final = sa.Table(
    "openpgp_certificate",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("address", sa.String(320), primary_key=True, index=True),  # one row for each address of a certificate
    sa.Column("certificate", sa.LargeBinary, nullable=False),
    sa.Column("imported_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros),
    sa.Column("trust", sa.String(8), nullable=False),  # `certificates.Trust`
    sa.Column("source", sa.String(8), nullable=False),  # `certificates.Source`
)

smime_certificate: Final = sa.Table(
    "smime_certificate",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("address", sa.String(320), primary_key=True, index=True),  # one row for each address of a certificate
    sa.Column("certificate", sa.LargeBinary, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),  # msgpack list: its issuers in order, DER, to a trust anchor
    sa.Column("trust", sa.String(8), nullable=False),  # `smime_certificates.Trust`
    sa.Column("imported_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros, nullable=False),
)

# One row a message waiting for one recipient. Tokens, codes and PINs are kept as hashes only.
portal_message: Final = sa.Table(
    "portal_message",
    metadata,
    sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("entry_id", sa.String(40), sa.ForeignKey("entry.id"), nullable=False, unique=True),
    sa.Column("queue_id", sa.String(26), nullable=False, index=True),
    sa.Column("recipient", sa.String(320), nullable=False),
    sa.Column("sender", sa.String(320), nullable=False),
    sa.Column("secret", sa.String(8), nullable=False),  # "code": mailed on request; "pin": the sender tells it
    sa.Column("secret_hash", sa.String(256), nullable=False),  # argon2id of the PIN or the current code, empty: none
    sa.Column("secret_expires_at", UtcMicros),
    sa.Column("tries_left", sa.Integer, nullable=False),
    sa.Column("published_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros, nullable=False),
    sa.Column("opened_at", UtcMicros),
)

portal_session: Final = sa.Table(
    "portal_session",
    metadata,
    sa.Column("id_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("token_hash", sa.LargeBinary(32), sa.ForeignKey("portal_message.token_hash"), nullable=False),
    sa.Column("csrf_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("created_at", UtcMicros, nullable=False),
    sa.Column("seen_at", UtcMicros, nullable=False),
)

# Domains that have offered TLS to us: a later refusal is a downgrade, not a fact of life (TL-07).
domain_tls: Final = sa.Table(
    "domain_tls",
    metadata,
    sa.Column("domain", sa.String(255), primary_key=True),
    sa.Column("seen_at", UtcMicros, nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),
)

# Kinds of TLS session, for TLS-RPT: one row for each day, domain, policy and failure. id: SHA-256 over all of them.
tls_session: Final = sa.Table(
    "tls_session",
    metadata,
    sa.Column("id", sa.LargeBinary(32), primary_key=True),
    sa.Column("day", sa.String(10), nullable=False),  # in UTC, `2026-11-24`
    sa.Column("domain", sa.String(255), nullable=False),
    sa.Column("policy_id", sa.LargeBinary(32), sa.ForeignKey("tls_policy.id"), nullable=False, index=True),
    sa.Column("failure", sa.Text, nullable=False),  # JSON; "null" for a success
    sa.Column("sessions", sa.BigInteger, nullable=False),
    sa.Index("ix_tls_session_day", "day", "domain"),
)

# The policies of those sessions as JSON, each once. id: SHA-256 of it.
tls_policy: Final = sa.Table(
    "tls_policy",
    metadata,
    sa.Column("id", sa.LargeBinary(32), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

# Reports to domains about a day: a row from the first try on. targets: JSON list of addresses still to be sent to.
tls_report: Final = sa.Table(
    "tls_report",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("domain", sa.String(255), primary_key=True),
    sa.Column("fate", sa.String(16), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("next_at", UtcMicros, nullable=False),
    sa.Column("targets", sa.Text, nullable=False),
)

# Addresses, in lower case, that bulk, marketing and fundraising mail does not go to; clinical mail does not ask.
suppression: Final = sa.Table(
    "suppression",
    metadata,
    sa.Column("address", sa.String(320), primary_key=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # of the bounce, RFC 3463; else empty
    sa.Column("queue_id", sa.String(26), nullable=False),  # the message that bounced; else empty
    sa.Column("why", sa.String(512), nullable=False),  # a person's words; else empty
    sa.Column("created_at", UtcMicros, nullable=False),
)

# What a patient consented to, asked for, or refused. patient: an address in lower case, or `id:` and a keyed hash.
consent: Final = sa.Table(
    "consent",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("patient", sa.String(320), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("purposes", sa.Text, nullable=False),  # JSON list
    sa.Column("recipients", sa.Text, nullable=False),  # JSON list of addresses and domains
    sa.Column("given_at", UtcMicros, nullable=False),
    sa.Column("expires_at", UtcMicros),
    sa.Column("revoked_at", UtcMicros),
    sa.Column("evidence", sa.String(64), nullable=False),  # SHA-256 of the document, hexadecimal; else empty
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

# Organisations that get mail from us: business associates with their agreement, and those that need none.
organisation: Final = sa.Table(
    "organisation",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("relation", sa.String(24), nullable=False),
    sa.Column("purposes", sa.Text, nullable=False),  # JSON list
    sa.Column("is_qsoa", sa.Boolean, nullable=False),
    sa.Column("agreed_at", UtcMicros),
    sa.Column("expires_at", UtcMicros),
    sa.Column("ended_at", UtcMicros),
    sa.Column("contact", sa.String(320), nullable=False),
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

# Their domains, in lower case; each stands for those below it, too.
organisation_domain: Final = sa.Table(
    "organisation_domain",
    metadata,
    sa.Column("domain", sa.String(255), primary_key=True),
    sa.Column("organisation", sa.String(128), sa.ForeignKey("organisation.name"), nullable=False, index=True),
)

# Every policy that ever decided, as JSON. id: SHA-256 of the body, hexadecimal.
decision_policy: Final = sa.Table(
    "decision_policy",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("first_at", UtcMicros, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

# One row for each time that a message was decided on; the facts and the trace are sealed (`gateway.store.decisions`).
# No foreign key: of a message that was refused there is no other row.
decision_record: Final = sa.Table(
    "decision_record",
    metadata,
    sa.Column("queue_id", sa.String(26), primary_key=True),
    sa.Column("at", UtcMicros, primary_key=True),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("policy_id", sa.String(64), nullable=False),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
    sa.Index("ix_decision_record_at", "at"),
)

# What a person says was wrong with a decision; never changed and never taken back, only followed by another.
decision_correction: Final = sa.Table(
    "decision_correction",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("queue_id", sa.String(26), nullable=False, index=True),
    sa.Column("at", UtcMicros, nullable=False),
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
)

# Who let held mail go, where two persons must.
approval: Final = sa.Table(
    "approval",
    metadata,
    sa.Column("entry_id", sa.String(40), sa.ForeignKey("entry.id"), primary_key=True),
    sa.Column("person", sa.String(320), primary_key=True),
    sa.Column("at", UtcMicros, nullable=False),
)

# Known patients, and keyed hashes of the ways to name them and of their addresses. person: `consents.patient_key`.
bound_patient: Final = sa.Table(
    "bound_patient",
    metadata,
    sa.Column("person", sa.String(80), primary_key=True),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

patient_mark: Final = sa.Table(
    "patient_mark",
    metadata,
    sa.Column("mark", sa.String(32), primary_key=True),
    sa.Column("person", sa.String(80), primary_key=True, index=True),
    sa.Column("is_address", sa.Boolean, nullable=False),
)

# Lists of recipients that bulk mail may name; of an address only a keyed hash.
segment: Final = sa.Table(
    "segment",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("recorded_at", UtcMicros, nullable=False),
    sa.Column("recorded_by", sa.String(320), nullable=False),
)

segment_member: Final = sa.Table(
    "segment_member",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("mark", sa.String(32), primary_key=True),
)

# Campaigns and studies that somebody reviewed. document: SHA-256, hexadecimal.
campaign: Final = sa.Table(
    "campaign",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(24), nullable=False),
    sa.Column("about", sa.String(24), nullable=False),
    sa.Column("payment", sa.String(8), nullable=False),
    sa.Column("audience", sa.String(16), nullable=False),
    sa.Column("basis", sa.String(24), nullable=False),
    sa.Column("recipients", sa.Text, nullable=False),  # JSON list of addresses and domains
    sa.Column("reviewer", sa.String(320), nullable=False),
    sa.Column("reviewed_at", UtcMicros, nullable=False),
    sa.Column("document", sa.String(64), nullable=False),
    sa.Column("expires_at", UtcMicros),
    sa.Column("ended_at", UtcMicros),
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

# Patients with addresses. id: as `consent.patient`. majority_at: when a minor comes of age.
individual: Final = sa.Table(
    "individual",
    metadata,
    sa.Column("id", sa.String(320), primary_key=True),
    sa.Column("majority_at", UtcMicros),
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

# Who is reached at an address, in lower case, and as what. Never deleted: an ended one stays as evidence.
person_link: Final = sa.Table(
    "person_link",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("person", sa.String(320), sa.ForeignKey("individual.id"), nullable=False, index=True),
    sa.Column("address", sa.String(320), nullable=False, index=True),
    sa.Column("tie", sa.String(16), nullable=False),
    sa.Column("basis", sa.String(24), nullable=False),  # of a representative; else empty
    sa.Column("verified", sa.String(200), nullable=False),  # how; else empty
    sa.Column("from_at", UtcMicros, nullable=False),
    sa.Column("until_at", UtcMicros),
    sa.Column("suspended_at", UtcMicros),  # since a hard bounce
    sa.Column("ended_at", UtcMicros),
    sa.Column("recorded_by", sa.String(320), nullable=False),
    sa.Column("recorded_at", UtcMicros, nullable=False),
)

# Leaf `seq` of the Merkle log: body is the canonical JSON of the event, leaf_hash = SHA-256(0x00 || body).
audit_event: Final = sa.Table(
    "audit_event",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcMicros, nullable=False),
    sa.Column("kind", sa.String(48), nullable=False),
    sa.Column("queue_id", sa.String(26), nullable=False, index=True),
    sa.Column("recipient", sa.String(320), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
)

# One row: the size of the tree and the roots of its complete subtrees (RFC 9162 section 2.1), largest first.
audit_tree: Final = sa.Table(
    "audit_tree",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
)

audit_checkpoint: Final = sa.Table(
    "audit_checkpoint",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcMicros, nullable=False),
    sa.Column("note", sa.Text, nullable=False),  # C2SP tlog-checkpoint, signed
)

# Secrets of the installation, sealed by the master key: the audit signing key, the master key's own check value.
secret: Final = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
)
