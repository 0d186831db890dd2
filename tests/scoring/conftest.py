"""Scoring is tested on the shared ledger fixtures."""

from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]
