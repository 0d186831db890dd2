"""The ledger, openings of two teams, and makers of handoffs."""

from tests.fixtures_ledger import ledger, migrated_ledger
from tests.handoff.telling.office import office

__all__ = ["ledger", "migrated_ledger", "office"]
