"""What patients consented to, and the organisations that we have agreements with."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("patient", sa.String(length=320), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_patient"), "consent", ["patient"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("relation", sa.String(length=24), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("is_qsoa", sa.Boolean(), nullable=False),
        sa.Column("agreed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("contact", sa.String(length=320), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_organisation")),
    )
    op.create_table(
        "organisation_domain",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("organisation", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisation.name"], name=op.f("fk_organisation_domain_organisation_organisation")
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_organisation_domain")),
    )
    op.create_index(op.f("ix_organisation_domain_organisation"), "organisation_domain", ["organisation"], unique=False)


def downgrade() -> None:
    op.drop_table("organisation_domain")
    op.drop_table("organisation")
    op.drop_table("consent")
