"""A ledger of one's own for the whole module: histories empty it themselves."""

from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]
