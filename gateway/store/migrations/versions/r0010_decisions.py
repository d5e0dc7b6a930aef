"""Why each decision was made: sealed records, the policies that made them, and corrections."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decision_policy",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_policy")),
    )
    op.create_table(
        "decision_record",
        sa.Column("queue_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("master_key_id", sa.String(length=16), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "at", name=op.f("pk_decision_record")),
    )
    op.create_index(op.f("ix_decision_record_at"), "decision_record", ["at"], unique=False)
    op.create_table(
        "decision_correction",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("queue_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.Column("master_key_id", sa.String(length=16), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_correction")),
    )
    op.create_index(op.f("ix_decision_correction_queue_id"), "decision_correction", ["queue_id"], unique=False)


def downgrade() -> None:
    op.drop_table("decision_correction")
    op.drop_table("decision_record")
    op.drop_table("decision_policy")
