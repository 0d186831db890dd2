"""An index for the lapses of a rep.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0017"
down_revision = "0016"
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
