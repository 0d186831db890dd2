"""Requests that are answered once, however often they come.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `idempotency_key`."""
    op.create_table(
        "idempotency_key",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("body", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", "key"),
    )
    op.create_index("idempotency_key_at", "idempotency_key", ["at"])
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget them: what is sent again is judged anew."""
    op.drop_table("idempotency_key")
