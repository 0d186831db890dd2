"""What routing asks of reps, and whose a lead is already.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORDS = (
    ("handoff", "skills"), ("handoff", "named"), ("handoff", "domain"), ("handoff", "parent"),
    ("rep", "duty"), ("rep", "skills"), ("rep", "pause_reason"),
)  # fmt: skip
NUMBERS = (("rep", "weight", "1"), ("rep", "taken", "0"))
INSTANTS = (("rep", "taken_until"), ("rep", "paused_at"), ("rep", "paused_until"))


def upgrade() -> None:
    """Add the columns: until the next apply reps take leads in their working hours, as before."""
    for table, name in WORDS:
        empty = sa.text("''")
        op.add_column(table, sa.Column(name, sa.String(), server_default=empty, nullable=False))
    for table, name, default in NUMBERS:
        given = sa.text(default)
        op.add_column(table, sa.Column(name, sa.Integer(), server_default=given, nullable=False))
    for table, name in INSTANTS:
        op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("rep", sa.Column("per_day", sa.Integer(), nullable=True))
    passed = sa.Column("passed", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("member", passed)
    op.execute("UPDATE rep SET duty = hours")
    op.create_index("handoff_past", "handoff", ["lead_id", "id"])
    for name in ("domain", "parent"):
        kept = sa.text(f"{name} <> ''")
        op.create_index(
            f"handoff_{name}", "handoff", [name, "id"], postgresql_where=kept, sqlite_where=kept
        )
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget them."""
    for name in ("parent", "domain", "past"):
        op.drop_index(f"handoff_{name}", "handoff")
    op.drop_column("member", "passed")
    named = [("rep", "per_day"), *INSTANTS, *(each[:2] for each in NUMBERS), *WORDS]
    for table, name in named:
        op.drop_column(table, name)
