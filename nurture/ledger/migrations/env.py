"""What Alembic runs for every command: the caller's own connection, one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from nurture.ledger import tables


def migrate(connection: Connection) -> None:
    """Run the scripts on an open connection; DDL is transactional on both databases.

    Batch mode because SQLite cannot alter a column: it copies the table instead.
    """
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        transactional_ddl=True,
        transaction_per_migration=False,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


assert tables.Lead.metadata is SQLModel.metadata
migrate(context.config.attributes["connection"])
