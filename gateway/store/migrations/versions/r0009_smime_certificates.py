"""Recipients' S/MIME certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "smime_certificate",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("trust", sa.String(length=8), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "address", name=op.f("pk_smime_certificate")),
    )
    op.create_index(op.f("ix_smime_certificate_address"), "smime_certificate", ["address"], unique=False)


def downgrade() -> None:
    op.drop_table("smime_certificate")
