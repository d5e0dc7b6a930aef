"""The tables of registers, and of decisions by them; of the same schema as `tables`."""

from typing import Final

import sqlalchemy as sa

from gateway.store.schema import UtcMicros, metadata

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
    sa.Column("topics", sa.Text, nullable=False, server_default=sa.text("'[]'")),  # JSON list: what it names expressly
    sa.Column("covers", sa.String(200), nullable=False, server_default=sa.text("''")),  # which information, in words
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

# Who let held mail go, where two persons must. login: of the system, as the kernel has it; empty: not known.
approval: Final = sa.Table(
    "approval",
    metadata,
    sa.Column("entry_id", sa.String(40), sa.ForeignKey("entry.id"), primary_key=True),
    sa.Column("person", sa.String(320), primary_key=True),
    sa.Column("at", UtcMicros, nullable=False),
    sa.Column("login", sa.String(64), nullable=False, server_default=sa.text("''")),
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
