"""The ledger's tables through time: Alembic scripts, run by `nurture.ledger.schema`."""
