"""What SQLite's planner is told of a large ledger.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from nurture.ledger.statements import plans

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write the statistics; nothing else changes."""
    plans.tell(op.get_bind())


def downgrade() -> None:
    """The statistics stay: they harm nothing."""
