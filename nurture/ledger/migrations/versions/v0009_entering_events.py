"""Which event let a lead in.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add `engagement_id`: of who is in a sequence by now nobody wrote it down."""
    for table in ("enrolment", "arrival"):
        op.add_column(table, sa.Column("engagement_id", KEY, nullable=True))


def downgrade() -> None:
    """Forget it."""
    for table in ("arrival", "enrolment"):
        op.drop_column(table, "engagement_id")
