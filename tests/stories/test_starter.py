"""The stories of the starter workspace, as `nurture test` plays them, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.stories.player import play
from app.stories.rehearsal import rehearse
from app.stories.running import Case, Result, cases
from app.stories.telling import told
from nurture.ledger.engine import Ledger

STARTER = Path(__file__).resolve().parents[2] / "templates" / "workspace"


@pytest.mark.parametrize("case", cases(STARTER), ids=lambda case: case.story.name)
def test_the_starter_does_what_its_stories_tell(ledger: Ledger, case: Case) -> None:
    played = play(rehearse(ledger, STARTER), case.sequence, case.story)
    assert played.passed, "\n".join(told(Result(case, played, 0)))
