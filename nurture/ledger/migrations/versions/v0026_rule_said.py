"""What the rule said that routed a handoff.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `rule` to handoffs: of those there are, their path tells the rule."""
    text = sa.String()
    op.add_column("handoff", sa.Column("rule", text, server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    """Forget what rules said."""
    op.drop_column("handoff", "rule")
