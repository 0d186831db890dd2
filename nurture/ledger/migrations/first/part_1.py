"""Part of revision 0001, written by nurture.ledger.migrations.rewrite: do not edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def definition() -> None:
    """Create `definition`."""
    op.create_table(
        "definition",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("hash", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("source", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "name", "version"),
    )
    _definition_indexes()


def _definition_indexes() -> None:
    op.create_index(
        "definition_active",
        "definition",
        ["kind", "name"],
        unique=True,
        postgresql_where=sa.text("active"),
        sqlite_where=sa.text("active"),
    )


def lead() -> None:
    """Create `lead`."""
    op.create_table(
        "lead",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("company", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("job_title", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("phone", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("country", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("language", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("attributes", DOCUMENT, server_default="{}", nullable=False),
        sa.Column("lifecycle", sa.String(), server_default=sa.text("'lead'"), nullable=False),
        sa.Column("behaviour", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("fit", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("scored_at", sa.BigInteger(), nullable=True),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email_key"),
        sa.UniqueConstraint("external_id"),
    )
    _lead_indexes()


def _lead_indexes() -> None:
    op.create_index("lead_lifecycle", "lead", ["lifecycle"], unique=False)
    op.create_index(
        "lead_look",
        "lead",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
        sqlite_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_index("lead_timezone", "lead", ["timezone"], unique=False)


def link() -> None:
    """Create `link`."""
    op.create_table(
        "link",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url"),
    )


def lock() -> None:
    """Create `lock`."""
    op.create_table(
        "lock",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )


def opening() -> None:
    """Create `opening`."""
    op.create_table(
        "opening",
        sa.Column("hours", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hours", "zone", "opens_at"),
    )
    _opening_indexes()


def _opening_indexes() -> None:
    op.create_index("opening_close", "opening", ["hours", "zone", "closes_at"], unique=True)


def pause() -> None:
    """Create `pause`."""
    op.create_table(
        "pause",
        sa.Column("sequence", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )


def rep() -> None:
    """Create `rep`."""
    op.create_table(
        "rep",
        sa.Column("rep", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("email", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("zone", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("hours", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("room", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("place", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("turn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rep"),
    )


def suppression() -> None:
    """Create `suppression`."""
    op.create_table(
        "suppression",
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("email_key"),
    )


def tick() -> None:
    """Create `tick`."""
    op.create_table(
        "tick",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("now", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _tick_indexes()


def _tick_indexes() -> None:
    op.create_index(
        "tick_unfinished",
        "tick",
        ["id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
        sqlite_where=sa.text("finished_at IS NULL"),
    )
