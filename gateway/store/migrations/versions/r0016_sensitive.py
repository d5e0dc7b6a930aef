"""What is of a legal class leaves by vouched hosts alone, and its notice has a neutral sender."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("entry", "portal_message")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("sensitive", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("sensitive")
