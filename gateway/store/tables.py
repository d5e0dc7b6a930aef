"""The schema, portable between SQLite and PostgreSQL. Migrations in `migrations/` are the truth for existing data.

Times are microseconds since 1970 in UTC (`UtcMicros`); ciphertext columns say in `vault` what their additional data is.
"""

from typing import Final

import sqlalchemy as sa

from gateway.store.schema import UtcMicros, metadata

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
    sa.Column("sensitive", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("archive", sa.Boolean, nullable=False, server_default=sa.false()),
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
    sa.Column("spelled", sa.String(320), nullable=False, server_default=sa.text("''")),  # the address, as asked for
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
    sa.Column("sensitive", sa.Boolean, nullable=False, server_default=sa.false()),
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
