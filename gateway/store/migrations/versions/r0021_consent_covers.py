"""Which information a consent covers, in its own words: 42 CFR 2.31(a)(3), 45 CFR 164.508(c)(1)(i)."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("covers", sa.String(200), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    with op.batch_alter_table("consent") as batch:
        batch.drop_column("covers")
