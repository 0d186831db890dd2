"""Clocks of every kind: how long they had and took, and which go on over reps.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FLAG = sa.text("true")


def upgrade() -> None:
    """Of clocks that run, the reason says whether their window is one of business time."""
    op.add_column("handoff", sa.Column("last_touch_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE handoff SET last_touch_at = touched_at")
    first = sa.Column("round", sa.Integer(), server_default=sa.text("1"), nullable=False)
    op.add_column("clock", first)
    for name in ("restarts", "business"):
        op.add_column("clock", sa.Column(name, sa.Boolean(), server_default=FLAG, nullable=False))
    for name in ("allowed", "took", "took_open"):
        op.add_column("clock", sa.Column(name, sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE clock SET business = false WHERE rep <> '' AND reason NOT LIKE '% business %'"
    )
    _index("round")
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget them; of several rounds of a clock the first one stays."""
    op.execute("DELETE FROM rung WHERE clock_id IN (SELECT id FROM clock WHERE round > 1)")
    op.execute("DELETE FROM clock WHERE round > 1")
    _index()
    op.drop_column("handoff", "last_touch_at")
    for name in ("took_open", "took", "allowed", "business", "restarts", "round"):
        op.drop_column("clock", name)


def _index(*more: str) -> None:
    op.drop_index("clock_once", "clock")
    key = ["handoff_id", "kind", "generation", *more]
    op.create_index("clock_once", "clock", key, unique=True)
