"""Handoffs whose clocks wait for the lead.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from nurture.ledger.statements import plans

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

HELD = sa.text("held_until IS NOT NULL")
INSTANTS = ("held_at", "held_until")
COLUMNS = {"clock": ("held_at", "held", "remaining"), "rung": ("remaining",), "handoff": INSTANTS}


def upgrade() -> None:
    """Rungs that wait are counted as their clock is: that of all but a few after its end."""
    for table, names in COLUMNS.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    for name, default in (("business", "true"), ("of_end", "false")):
        said = sa.text(default)
        op.add_column("rung", sa.Column(name, sa.Boolean(), server_default=said, nullable=False))
    op.execute(
        "UPDATE rung SET business = false WHERE clock_id IN "
        "(SELECT id FROM clock WHERE NOT business)"
    )
    op.create_index(
        "handoff_held", "handoff", ["held_until"], postgresql_where=HELD, sqlite_where=HELD
    )
    plans.tell(op.get_bind())


def downgrade() -> None:
    """Forget them; what waited goes on at once."""
    op.execute("UPDATE rung SET state = 'waiting' WHERE state = 'held'")
    op.drop_index("handoff_held", "handoff")
    for name in ("of_end", "business"):
        op.drop_column("rung", name)
    for table, names in COLUMNS.items():
        for name in names:
            op.drop_column(table, name)
