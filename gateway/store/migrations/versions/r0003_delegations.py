"""Addresses that a person may send as, beside the own one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegation",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("may_send_as", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["address"], ["person.address"], name=op.f("fk_delegation_address_person")),
        sa.PrimaryKeyConstraint("address", "may_send_as", name=op.f("pk_delegation")),
    )


def downgrade() -> None:
    op.drop_table("delegation")
