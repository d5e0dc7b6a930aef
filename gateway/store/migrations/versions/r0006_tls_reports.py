"""Counts of TLS sessions, and the reports made from them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tls_policy",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tls_policy")),
    )
    op.create_table(
        "tls_session",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("policy_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["tls_policy.id"], name=op.f("fk_tls_session_policy_id_tls_policy")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tls_session")),
    )
    op.create_index("ix_tls_session_day", "tls_session", ["day", "domain"], unique=False)
    op.create_index(op.f("ix_tls_session_policy_id"), "tls_session", ["policy_id"], unique=False)
    op.create_table(
        "tls_report",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("fate", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", name=op.f("pk_tls_report")),
    )


def downgrade() -> None:
    op.drop_table("tls_report")
    op.drop_table("tls_session")
    op.drop_table("tls_policy")
