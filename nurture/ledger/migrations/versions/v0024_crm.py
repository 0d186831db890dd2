"""A CRM: what it is to be told, was told, and said.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans
from nurture.ledger.types import Document

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (
    ("crm_record_due", "due_at", "due"),
    ("crm_record_claimed", "lease_until", "claimed"),
    ("crm_record_failed", "id", "failed"),
)


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=sa.text(f"'{default}'"), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _instant(name: str, *, required: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=not required)


def upgrade() -> None:
    """Create the four tables, and tell SQLite's planner of them."""
    op.create_table(
        "crm",
        sa.Column("name", sa.String(), nullable=False),
        _text("system"),
        _text("mapping"),
        _number("failures"),
        _instant("down_since"),
        _instant("probe_at"),
        _text("reason"),
        _text("cursor"),
        _instant("pull_at"),
        _instant("pulled_at"),
        _number("pull_failures"),
        _text("pull_reason"),
        _text("owner"),
        _number("generation"),
        _instant("lease_until"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "crm_mark",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_record()
    op.create_table(
        "crm_change",
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("handoff_id", KEY, nullable=True),
        _instant("at", required=True),
        _text("said"),
        _text("unknown"),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"]),
        sa.PrimaryKeyConstraint("identity"),
    )
    op.create_index("crm_change_at", "crm_change", ["at"])
    plans.tell(op.get_bind())


def _create_record() -> None:
    op.create_table(
        "crm_record",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("handoff_id", KEY, nullable=True),
        _flag("ended"),
        _text("state", "due"),
        _flag("again"),
        _instant("due_at", required=True),
        _text("owner"),
        _number("generation"),
        _instant("lease_until"),
        _number("attempts"),
        _text("reason"),
        _text("digest"),
        _number("told"),
        _instant("told_at"),
        sa.Column("refs", Document, server_default="{}", nullable=False),
        *(_text(name) for name in (
            "crm_owner", "crm_stage", "known_rep", "known_state", "sent_owner", "sent_stage",
        )),
        _instant("heard_at"),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lead_id"),
    )
    for name, column, state in INDEXES:
        where = sa.text(f"state = '{state}'")
        op.create_index(name, "crm_record", [column], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    """Forget the CRM: applied again, it is told of every open handoff anew."""
    for name in ("crm_change", "crm_record", "crm_mark", "crm"):
        op.drop_table(name)
