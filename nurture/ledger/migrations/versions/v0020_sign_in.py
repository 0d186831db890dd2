"""Who of sales is signed in, and the links by which they do.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _words(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False)


def _instant(name: str, *, required: bool = True) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=not required)


def upgrade() -> None:
    """Create `sign_in` and `web_session`."""
    op.create_table(
        "sign_in",
        sa.Column("prefix", sa.String(), nullable=False),
        *map(_words, ("secret_hash", "email", "browser_hash")),
        *map(_instant, ("created_at", "expires_at")),
        _instant("used_at", required=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
    op.create_index("sign_in_email", "sign_in", ["email", "created_at"])
    op.create_table(
        "web_session",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        *map(_words, ("prefix", "secret_hash", "email")),
        *map(_instant, ("created_at", "seen_at", "expires_at")),
        _instant("ended_at", required=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("web_session_prefix", "web_session", ["prefix"], unique=True)
    op.create_index("web_session_email", "web_session", ["email"])
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Sign everybody out."""
    op.drop_table("web_session")
    op.drop_table("sign_in")
