"""Part of revision 0001, written by nurture.ledger.migrations.rewrite: do not edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def episode() -> None:
    """Create `episode`."""
    op.create_table(
        "episode",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("enrolment_id", KEY, nullable=True),
        sa.Column("team", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("score", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("recheck_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _episode_indexes()


def _episode_indexes() -> None:
    op.create_index(
        "episode_open",
        "episode",
        ["lead_id", "cause"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "episode_recheck",
        "episode",
        ["recheck_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "episode_untold",
        "episode",
        ["id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
        sqlite_where=sa.text("told_at IS NULL"),
    )


def handoff() -> None:
    """Create `handoff`."""
    op.create_table(
        "handoff",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("episode_id", KEY, nullable=False),
        sa.Column("definition_id", KEY, nullable=False),
        sa.Column("team", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("rep", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'offered'"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("touched_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"]),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _handoff_indexes()


def _handoff_indexes() -> None:
    op.create_index("handoff_episode", "handoff", ["episode_id"], unique=True)
    op.create_index(
        "handoff_lead",
        "handoff",
        ["lead_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('offered', 'accepted', 'working')"),
        sqlite_where=sa.text("state IN ('offered', 'accepted', 'working')"),
    )
    op.create_index(
        "handoff_queue",
        "handoff",
        ["team"],
        unique=False,
        postgresql_where=sa.text("rep = '' AND state = 'offered'"),
        sqlite_where=sa.text("rep = '' AND state = 'offered'"),
    )
    op.create_index("handoff_rep", "handoff", ["rep", "state"], unique=False)


def clock() -> None:
    """Create `clock`."""
    op.create_table(
        "clock",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("handoff_id", KEY, nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rep", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("calendar", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("zone", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("met_at", sa.BigInteger(), nullable=True),
        sa.Column("lapsed_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _clock_indexes()


def _clock_indexes() -> None:
    op.create_index("clock_once", "clock", ["handoff_id", "kind", "generation"], unique=True)
    op.create_index(
        "clock_running",
        "clock",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL AND lapsed_at IS NULL"),
        sqlite_where=sa.text("met_at IS NULL AND stopped_at IS NULL AND lapsed_at IS NULL"),
    )


def message() -> None:
    """Create `message`."""
    op.create_table(
        "message",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("'nurture'"), nullable=False),
        sa.Column("enrolment_id", KEY, nullable=True),
        sa.Column("step", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("occurrence", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("handoff_id", KEY, nullable=True),
        sa.Column("notice_key", sa.String(), nullable=True),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("template", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("topic", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'due'"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("allowed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("handed_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("hours", sa.String(), nullable=True),
        sa.Column("zone", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("recipient", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("sender", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("message_id", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("reply", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("notice_key"),
    )
    _message_indexes()


def _message_indexes() -> None:
    op.create_index(op.f("ix_message_handoff_id"), "message", ["handoff_id"], unique=False)
    op.create_index(
        "message_due",
        "message",
        ["kind", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('due', 'deferred')"),
        sqlite_where=sa.text("state IN ('due', 'deferred')"),
    )
    op.create_index(
        "message_in_hand",
        "message",
        ["lead_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'nurture' AND state IN ('claimed', 'handed')"),
        sqlite_where=sa.text("kind = 'nurture' AND state IN ('claimed', 'handed')"),
    )
    op.create_index("message_lead", "message", ["lead_id", "handed_at"], unique=False)
    op.create_index(
        "message_lease",
        "message",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('claimed', 'handed')"),
        sqlite_where=sa.text("state IN ('claimed', 'handed')"),
    )
    op.create_index("message_step", "message", ["enrolment_id", "step", "occurrence"], unique=True)
    op.create_index(
        "message_unknown",
        "message",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    )
