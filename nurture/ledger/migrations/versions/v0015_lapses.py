"""An index for the lapses of a rep.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger import plans

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

REPS = sa.text("rep <> ''")


def upgrade() -> None:
    """Index clocks by who had them."""
    op.create_index(
        "clock_rep", "clock", ["rep", "lapsed_at"], postgresql_where=REPS, sqlite_where=REPS
    )
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Find them by looking at all."""
    op.drop_index("clock_rep", "clock")
