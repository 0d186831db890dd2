"""The first tables.

Revision ID: 0001
Revises:
"""

from alembic import op

from nurture.ledger.migrations.first import TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table with its indexes."""
    for create in TABLES:
        create()
    if op.get_bind().dialect.name == "postgresql":
        # Frozen mails live for seconds: compressing each costs more than sending it.
        op.execute("ALTER TABLE message ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop every table, and with them everything the ledger knows."""
    for create in reversed(TABLES):
        op.drop_table(create.__name__)
