"""The queue's index in the order of claiming: urgent or not, then by time; with the domain, to pass over who rests."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_entry_due", table_name="entry")
    op.create_index("ix_entry_due", "entry", ["state", "urgent", "next_attempt_at", "domain"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_entry_due", table_name="entry")
    op.create_index("ix_entry_due", "entry", ["state", "next_attempt_at"], unique=False)
