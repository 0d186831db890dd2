"""Whether a handoff was put off.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `snoozed` to handoffs: none was put off so far."""
    op.add_column(
        "handoff", sa.Column("snoozed", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Forget who put off what."""
    op.drop_column("handoff", "snoozed")
