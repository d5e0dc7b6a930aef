"""Who let held mail go, where two persons must."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("entry_id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=320), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_approval_entry_id_entry")),
        sa.PrimaryKeyConstraint("entry_id", "person", name=op.f("pk_approval")),
    )


def downgrade() -> None:
    op.drop_table("approval")
