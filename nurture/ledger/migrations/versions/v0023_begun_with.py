"""With whom a clock began that went on with somebody else.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `begun_with` to clocks: of those there are, nobody knows another than they have."""
    op.add_column("clock", sa.Column("begun_with", sa.String(), nullable=True))


def downgrade() -> None:
    """Forget with whom clocks began."""
    op.drop_column("clock", "begun_with")
