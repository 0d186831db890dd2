"""A play for every test, on SQLite and PostgreSQL."""

from tests.fixtures_ledger import ledger, migrated_ledger
from tests.sequences.conftest import play

__all__ = ["ledger", "migrated_ledger", "play"]
