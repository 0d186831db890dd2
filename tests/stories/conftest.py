"""The ledger of every story, on SQLite and PostgreSQL."""

from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]
