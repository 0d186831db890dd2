"""What deals are worth.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `amount` to handoffs, unknown of all so far."""
    op.add_column("handoff", sa.Column("amount", sa.Float(), nullable=True))


def downgrade() -> None:
    """Forget amounts."""
    op.drop_column("handoff", "amount")
