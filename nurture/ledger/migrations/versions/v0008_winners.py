"""Looks at splits that have a winner.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from nurture.ledger.statements import plans

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create `split_look`, index draws, and tell SQLite's planner of it."""
    op.create_table(
        "split_look",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("sequence", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("split", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("look", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("confidence", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("arms", DOCUMENT, server_default="{}", nullable=False),
        sa.Column("best", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("against", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("p", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("low", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("high", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("winner", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sequence", "split", "look"),
    )
    op.create_index(
        "decision_split", "decision", ["enrolment_id", "reason"],
        postgresql_where=sa.text("kind = 'split'"), sqlite_where=sa.text("kind = 'split'"),
    )  # fmt: skip
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget every look."""
    op.drop_index("decision_split", "decision")
    op.drop_table("split_look")
