"""Known patients and their addresses, and the lists that bulk mail may name: keyed hashes only."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bound_patient",
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_bound_patient")),
    )
    op.create_table(
        "patient_mark",
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("is_address", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("mark", "person", name=op.f("pk_patient_mark")),
    )
    op.create_index(op.f("ix_patient_mark_person"), "patient_mark", ["person"], unique=False)
    op.create_table(
        "segment",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_segment")),
    )
    op.create_table(
        "segment_member",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", "mark", name=op.f("pk_segment_member")),
    )


def downgrade() -> None:
    for name in ("segment_member", "segment", "patient_mark", "bound_patient"):
        op.drop_table(name)
