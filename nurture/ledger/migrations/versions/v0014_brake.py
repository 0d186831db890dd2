"""Handoffs that a brake holds.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `brake` to episodes, none of which is held."""
    empty = sa.text("''")
    op.add_column("episode", sa.Column("brake", sa.String(), server_default=empty, nullable=False))
    op.drop_index("episode_untold", "episode")
    _index("episode_untold", "told_at IS NULL AND brake <> 'held'")
    _index("episode_held", "brake = 'held'")
    op.create_index("handoff_opened", "handoff", ["opened_at"])
    plans.tell(op.get_bind())


def _index(name: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "episode", ["id"], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    """Let go what is held."""
    op.drop_index("handoff_opened", "handoff")
    op.drop_index("episode_held", "episode")
    op.drop_index("episode_untold", "episode")
    op.drop_column("episode", "brake")
    _index("episode_untold", "told_at IS NULL")
