"""The ledger of every story, on SQLite and PostgreSQL."""

from tests.fixtures_ledger import migrated_ledger, played_ledger

__all__ = ["migrated_ledger", "played_ledger"]
