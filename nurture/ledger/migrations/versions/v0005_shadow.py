"""Versions in shadow, and what their copy of the ledger has not heard of yet.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Mark definitions, create `echo`."""
    op.add_column(
        "definition",
        sa.Column("shadow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "definition_shadow", "definition", ["name"], unique=True,
        postgresql_where=sa.text("shadow"), sqlite_where=sa.text("shadow"),
    )  # fmt: skip
    op.create_table(
        "echo",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("engagement_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["engagement_id"], ["engagement.id"]),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Forget the marks and the echoes."""
    op.drop_table("echo")
    op.drop_index("definition_shadow", "definition")
    op.drop_column("definition", "shadow")
