"""How an address was written when its OpenPGP key was found: DNS is asked with that again."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "openpgp_certificate", sa.Column("spelled", sa.String(320), nullable=False, server_default=sa.text("''"))
    )


def downgrade() -> None:
    with op.batch_alter_table("openpgp_certificate") as batch:
        batch.drop_column("spelled")
