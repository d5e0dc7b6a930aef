"""What an authorization names expressly, such as HIV: the law of some states asks for that."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("topics", sa.Text(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    with op.batch_alter_table("consent") as batch:
        batch.drop_column("topics")
