"""Part of revision 0001, written by nurture.ledger.migrations.rewrite: do not edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def token() -> None:
    """Create `token`."""
    op.create_table(
        "token",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("scope", sa.String(), server_default=sa.text("'ingest'"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("prefix"),
    )


def zone_offset() -> None:
    """Create `zone_offset`."""
    op.create_table(
        "zone_offset",
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("zone", "from_at"),
    )


def change() -> None:
    """Create `change`."""
    op.create_table(
        "change",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("old", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("new", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _change_indexes()


def _change_indexes() -> None:
    op.create_index("change_lead", "change", ["lead_id", "at"], unique=False)


def consent() -> None:
    """Create `consent`."""
    op.create_table(
        "consent",
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("lead_id", "topic"),
    )


def enrolment() -> None:
    """Create `enrolment`."""
    op.create_table(
        "enrolment",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("sequence", sa.String(), nullable=False),
        sa.Column("definition_id", KEY, nullable=False),
        sa.Column("key", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("turn", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("stage", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("since_at", sa.BigInteger(), nullable=True),
        sa.Column("recheck_at", sa.BigInteger(), nullable=True),
        sa.Column("watch_at", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("step_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _enrolment_indexes()


def _enrolment_indexes() -> None:
    op.create_index(
        "enrolment_active",
        "enrolment",
        ["lead_id", "sequence", "key"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "enrolment_due",
        "enrolment",
        ["definition_id", "position", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "enrolment_recheck",
        "enrolment",
        ["recheck_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active' AND recheck_at IS NOT NULL"),
        sqlite_where=sa.text("state = 'active' AND recheck_at IS NOT NULL"),
    )
    op.create_index(
        "enrolment_turn", "enrolment", ["lead_id", "sequence", "key", "turn"], unique=True
    )
    op.create_index(
        "enrolment_watch",
        "enrolment",
        ["watch_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active' AND watch_at IS NOT NULL"),
        sqlite_where=sa.text("state = 'active' AND watch_at IS NOT NULL"),
    )


def lead_tag() -> None:
    """Create `lead_tag`."""
    op.create_table(
        "lead_tag",
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("lead_id", "tag"),
    )


def member() -> None:
    """Create `member`."""
    op.create_table(
        "member",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("rep", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["rep"], ["rep.rep"]),
        sa.PrimaryKeyConstraint("team", "rep"),
    )


def decision() -> None:
    """Create `decision`."""
    op.create_table(
        "decision",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("enrolment_id", KEY, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("stage", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _decision_indexes()


def _decision_indexes() -> None:
    op.create_index("decision_enrolment", "decision", ["enrolment_id"], unique=False)
    op.create_index("decision_lead", "decision", ["lead_id", "at"], unique=False)
