"""Calls to other systems.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create `webhook_call`, and tell SQLite's planner of it."""
    op.create_table(
        "webhook_call",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("enrolment_id", KEY, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("step", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("url", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("host", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("retry", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'due'"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.String(), nullable=True),
        sa.Column("zone", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _indexes()
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget every call."""
    op.drop_table("webhook_call")


def _indexes() -> None:
    op.create_index(
        "webhook_call_claimed",
        "webhook_call",
        ["host", "lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
        sqlite_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "webhook_call_due",
        "webhook_call",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'due'"),
        sqlite_where=sa.text("state = 'due'"),
    )
    op.create_index("webhook_call_lead", "webhook_call", ["lead_id", "planned_at"], unique=False)
    op.create_index("webhook_call_step", "webhook_call", ["enrolment_id", "step"], unique=True)
