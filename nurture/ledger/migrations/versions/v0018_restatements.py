"""Past deadlines, judged anew by corrected calendars.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create `restatement`."""
    op.create_table(
        "restatement",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("clock_id", KEY, nullable=False),
        sa.Column("calendar", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("took_open", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("restatement_once", "restatement", ["clock_id", "calendar"], unique=True)
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget what was reckoned; it can be reckoned again."""
    op.drop_table("restatement")
