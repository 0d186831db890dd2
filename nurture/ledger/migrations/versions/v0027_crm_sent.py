"""Everything the CRM was told without an answer, not the last of it alone.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.types import Document

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
LAST = ("sent_owner", "sent_stage")


def upgrade() -> None:
    """Put `sent` in the place of the last words: what is in hand now is told once more."""
    op.add_column("crm_record", sa.Column("sent", Document, server_default="{}", nullable=False))
    for name in LAST:
        op.drop_column("crm_record", name)


def downgrade() -> None:
    """Remember the last words alone."""
    for name in LAST:
        empty = sa.text("''")
        column = sa.Column(name, sa.String(), server_default=empty, nullable=False)
        op.add_column("crm_record", column)
    op.drop_column("crm_record", "sent")
