"""What must always hold, over random histories through whole ticks (design, chapter 6)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from sqlalchemy import select

from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import CALENDARS, empty
from tests.properties.histories import Deed, History, histories
from tests.properties.rows import ENROLMENT, ENTRY, MESSAGE, everything
from tests.sequences.play import Play

modest = settings(
    max_examples=5,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes of ticks
    suppress_health_check=list(HealthCheck),
)
CID = 3


@contextmanager
def fresh(ledger: Ledger, *, spoilt: str = "") -> Iterator[History]:
    """A history of its own in an emptied ledger."""
    folder = Path(tempfile.mkdtemp(prefix="nurture-history-"))
    try:
        history = History(Play(ledger, folder))
        history.begin(spoilt=spoilt)
        yield history
    finally:
        empty(ledger, but=CALENDARS)
        shutil.rmtree(folder)


@modest
@given(histories)
def test_every_history_keeps_the_invariants_and_comes_to_an_end(
    ledger: Ledger, story: list[Deed]
) -> None:
    with fresh(ledger) as history:
        for deed in story:
            history.do(deed)
        history.check()
        history.settle_down()
        history.check()


def _told(
    ledger: Ledger, story: list[Deed], tick: Callable[[History], object]
) -> dict[str, list[Any]]:
    with fresh(ledger) as history:
        for deed in story:
            if deed.kind == "tick":
                history.play.now += timedelta(minutes=deed.after)
                tick(history)
            else:
                history.do(deed)
        return everything(history.play)


def _calm(story: list[Deed]) -> list[Deed]:
    return [deed for deed in story if deed.kind not in ("crash", "other", "both")]


@settings(modest, max_examples=2)
@given(histories)
def test_ticks_repeated_cut_in_pieces_or_doubled_leave_the_same_rows(
    ledger: Ledger, story: list[Deed]
) -> None:
    def thrice(history: History) -> None:
        for _ in range(3):
            history.tick()

    def interrupted(history: History) -> None:
        """By looks at leads that fail, and by processes that end: a stage that fails alone stops
        no mail of another sequence, so that may go before what the stage would have done."""
        for name in ("leave", "rescore"):
            history.do(Deed("crash", 0, what=name))
        for name in ("leave", "advance", "rescore", "deliver"):
            history.do(Deed("end", 0, what=name))
        history.do(Deed("other", 0))
        history.tick()

    plain = _told(ledger, _calm(story), History.tick)
    for way in (thrice, interrupted, History.both):
        note(way.__name__)
        assert _told(ledger, _calm(story), way) == plain


@settings(modest, max_examples=2)
@given(histories)
def test_a_lead_whose_mail_cannot_be_written_stops_nobody_else(
    ledger: Ledger, story: list[Deed]
) -> None:
    """The others' rows are those of the same history without the fault; the fault is named."""

    def told(spoilt: str) -> list[object]:
        with fresh(ledger, spoilt=spoilt) as history:
            for deed in [*_calm(story), Deed("event", 1, "cid", "form_submitted")]:
                history.do(deed)
            history.settle_down()
            failed = select(MESSAGE.c.lead_id, MESSAGE.c.reason)
            for lead, reason in history.play.rows(failed.where(MESSAGE.c.state == "render_failed")):
                assert lead == CID
                assert "tips" in reason
                assert spoilt
            return [_others(history.play)]

    assert told("cid") == told("")


def _others(play: Play) -> list[list[object]]:
    e, m, s = ENROLMENT.c, MESSAGE.c, ENTRY.c
    wanted = (
        (e, (e.sequence, e.key, e.turn, e.state, e.stage, e.position, e.step_at, e.ended_at)),
        (m, (m.step, m.state, m.template, m.handed_at)),
        (s, (s.rule, s.points, s.at, s.withdrawn_at)),
    )
    rows = []
    for table, columns in wanted:
        query = select(table.lead_id, *columns).where(table.lead_id != CID)
        if table is m:
            query = query.where(m.kind == "nurture")
        rows.append(sorted(play.rows(query), key=repr))
    return rows
