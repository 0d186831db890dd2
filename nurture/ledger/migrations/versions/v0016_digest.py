"""When managers get their digests.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `digest`, empty: the next apply fills it."""
    empty = sa.text("''")
    op.create_table(
        "digest",
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("at", sa.String(), server_default=empty, nullable=False),
        sa.Column("zone", sa.String(), server_default=empty, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recipient"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("digest")
