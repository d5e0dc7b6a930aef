"""Logins whose mail is held because they sent too much, and finding what a login sent."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brake",
        sa.Column("login", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("engaged_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_brake")),
    )
    op.create_index("ix_message_login", "message", ["login", "received_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_message_login", table_name="message")
    op.drop_table("brake")
