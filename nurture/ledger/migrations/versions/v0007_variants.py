"""Subjects in variants, and mails from somebody else than the workspace's sender.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `message.variant` and `message.voice`: no mail had one so far."""
    for name in ("variant", "voice"):
        op.add_column(
            "message", sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False)
        )


def downgrade() -> None:
    """Forget them."""
    for name in ("variant", "voice"):
        op.drop_column("message", name)
