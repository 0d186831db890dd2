"""Part of revision 0001, written by nurture.ledger.migrations.rewrite: do not edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def engagement() -> None:
    """Create `engagement`."""
    op.create_table(
        "engagement",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lead_id", KEY, nullable=True),
        sa.Column("identity", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("message_id", KEY, nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("properties", DOCUMENT, server_default="{}", nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "key"),
    )
    _engagement_indexes()


def _engagement_indexes() -> None:
    op.create_index(
        "engagement_lead", "engagement", ["lead_id", "kind", "occurred_at"], unique=False
    )
    op.create_index(
        "engagement_message",
        "engagement",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NOT NULL"),
        sqlite_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index(
        "engagement_parked",
        "engagement",
        ["identity"],
        unique=False,
        postgresql_where=sa.text("lead_id IS NULL"),
        sqlite_where=sa.text("lead_id IS NULL"),
    )


def rung() -> None:
    """Create `rung`."""
    op.create_table(
        "rung",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("clock_id", KEY, nullable=False),
        sa.Column("rung", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("repetition", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("action", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _rung_indexes()


def _rung_indexes() -> None:
    op.create_index(
        "rung_due",
        "rung",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_index("rung_once", "rung", ["clock_id", "rung", "repetition"], unique=True)


def score_entry() -> None:
    """Create `score_entry`."""
    op.create_table(
        "score_entry",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("'behaviour'"), nullable=False),
        sa.Column("rule", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("points", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("before_limit", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("half_life", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("engagement_id", KEY, nullable=True),
        sa.Column("enrolment_id", KEY, nullable=True),
        sa.Column("step", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("occurrence", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["engagement_id"], ["engagement.id"]),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _score_entry_indexes()


def _score_entry_indexes() -> None:
    op.create_index("score_entry_engagement", "score_entry", ["engagement_id", "rule"], unique=True)
    op.create_index(
        "score_entry_fit",
        "score_entry",
        ["lead_id", "rule"],
        unique=True,
        postgresql_where=sa.text("kind = 'fit' AND withdrawn_at IS NULL"),
        sqlite_where=sa.text("kind = 'fit' AND withdrawn_at IS NULL"),
    )
    op.create_index("score_entry_lead", "score_entry", ["lead_id", "at"], unique=False)
    op.create_index(
        "score_entry_step", "score_entry", ["enrolment_id", "step", "occurrence"], unique=True
    )


def touch() -> None:
    """Create `touch`."""
    op.create_table(
        "touch",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("engagement_id", KEY, nullable=True),
        sa.Column("tick_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["engagement_id"], ["engagement.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.ForeignKeyConstraint(["tick_id"], ["tick.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _touch_indexes()


def _touch_indexes() -> None:
    op.create_index("touch_tick", "touch", ["tick_id", "lead_id"], unique=False)
