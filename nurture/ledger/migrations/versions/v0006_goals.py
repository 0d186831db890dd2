"""Goals reached after the end.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `enrolment.goal_at`: nobody reached one so far."""
    op.add_column("enrolment", sa.Column("goal_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Forget who did."""
    op.drop_column("enrolment", "goal_at")
