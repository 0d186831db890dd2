"""A ledger of one's own for the whole module: histories empty it themselves."""

from tests.fixtures_ledger import migrated_ledger, played_ledger

__all__ = ["migrated_ledger", "played_ledger"]
