"""Which login of the system let held mail go, beside the name that was given."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval", sa.Column("login", sa.String(length=64), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    with op.batch_alter_table("approval") as batch:
        batch.drop_column("login")
