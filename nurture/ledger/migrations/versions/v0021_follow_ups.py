"""Sequences that start some time after sales said what came of a lead.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")


def words(name: str, default: str = "") -> sa.Column[str]:
    """A text that is always there."""
    return sa.Column(name, sa.String(), server_default=sa.text(f"'{default}'"), nullable=False)


def upgrade() -> None:
    """Create `follow_up`."""
    op.create_table(
        "follow_up",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("handoff_id", KEY, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        words("outcome"),
        words("sequence"),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        words("state", "waiting"),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        words("reason"),
        words("dropped"),
        words("path"),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("follow_up_once", "follow_up", ["handoff_id"], unique=True)
    op.create_index(
        "follow_up_due", "follow_up", ["due_at"], postgresql_where=WAITING, sqlite_where=WAITING
    )
    op.create_index("follow_up_lead", "follow_up", ["lead_id"])
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget what was to come: those leads stay as they are."""
    op.drop_table("follow_up")
