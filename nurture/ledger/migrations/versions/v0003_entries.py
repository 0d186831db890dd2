"""Who waits to enter a sequence, or was kept out of it.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (
    ("arrival_waiting", ["sequence", "lead_id", "key"], True, "waiting"),
    ("arrival_queue", ["sequence", "id"], False, "waiting"),
    ("arrival_entered", ["sequence", "settled_at"], False, "entered"),
    ("arrival_excluded", ["lead_id", "sequence", "key", "begun_at"], True, "excluded"),
)


def upgrade() -> None:
    """Create `arrival`, and tell SQLite's planner of it."""
    op.create_table(
        "arrival",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("sequence", sa.String(), nullable=False),
        sa.Column("key", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("arrival_lead", "arrival", ["lead_id", "at"], unique=False)
    for name, columns, unique, state in INDEXES:
        where = sa.text(f"state = '{state}'")
        op.create_index(
            name, "arrival", columns, unique=unique, postgresql_where=where, sqlite_where=where
        )
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget who waits."""
    op.drop_table("arrival")
