"""Notices through channels.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=sa.text(f"'{default}'"), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    """Create `post` and `channel`, and tell SQLite's planner of them."""
    op.create_table(
        "post",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        _text("kind", "notice"),
        sa.Column("message_id", KEY, nullable=True),
        *(_text(name) for name in ("channel", "recipient", "subject", "text", "html", "identity")),
        _text("state", "due"),
        _text("reason"),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        _text("owner"),
        _number("generation"),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        _number("attempts"),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    for name, column, state in (
        ("post_due", "due_at", "due"),
        ("post_claimed", "lease_until", "claimed"),
    ):
        where = sa.text(f"state = '{state}'")
        op.create_index(name, "post", [column], postgresql_where=where, sqlite_where=where)
    op.create_index("ix_post_message_id", "post", ["message_id"])
    op.create_table(
        "channel",
        sa.Column("name", sa.String(), nullable=False),
        _number("failures"),
        sa.Column("down_since", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=True),
        _text("reason"),
        sa.PrimaryKeyConstraint("name"),
    )
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget every post, and how channels are."""
    op.drop_table("channel")
    op.drop_table("post")
