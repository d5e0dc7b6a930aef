"""Why a recipient's OpenPGP key is believed to be his, and where it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ADDED = (("trust", "person"), ("source", "file"))  # what was filed before, somebody had imported by hand


def upgrade() -> None:
    for name, before in ADDED:
        column = sa.Column(name, sa.String(length=8), nullable=False, server_default=before)
        op.add_column("openpgp_certificate", column)
    with op.batch_alter_table("openpgp_certificate") as table:
        for name, _ in ADDED:
            table.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("openpgp_certificate") as table:
        for name, _ in ADDED:
            table.drop_column(name)
