"""A sales desk with a CRM beside it."""

from __future__ import annotations

import pytest

from handoff.crm import pulling, pushing
from nurture.ledger.engine import Ledger
from tests.handoff.crm.beside import Beside, beside


@pytest.fixture
def desk_beside(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """Nobody waits for answers that are not there."""
    for passes in (pushing, pulling):
        monkeypatch.setattr(passes, "PATIENCE", 0.0)
    return beside(ledger)


@pytest.fixture
def told(desk_beside: Beside) -> Beside:
    """A lead with Bo, of whom the CRM was told."""
    desk_beside.offer()
    desk_beside.push()
    return desk_beside
