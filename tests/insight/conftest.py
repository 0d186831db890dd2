"""A play for every test, on SQLite and PostgreSQL."""

from tests.fixtures_ledger import migrated_ledger, played_ledger
from tests.sequences.conftest import play

__all__ = ["migrated_ledger", "play", "played_ledger"]
