"""From which network a sign-in link was asked for.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `network` to links: of those there are, nobody knows it any more."""
    text = sa.String()
    op.add_column(
        "sign_in", sa.Column("network", text, server_default=sa.text("''"), nullable=False)
    )


def downgrade() -> None:
    """Forget the networks."""
    op.drop_column("sign_in", "network")
