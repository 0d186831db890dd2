"""What must always hold, over random histories through whole ticks (design, chapter 6)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, note, settings

from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import empty
from tests.properties.histories import Deed, History, everything, histories, settle_down, start
from tests.sequences.play import Play

modest = settings(
    max_examples=12,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@contextmanager
def fresh(ledger: Ledger) -> Iterator[History]:
    """A history of its own in an emptied ledger."""
    folder = Path(tempfile.mkdtemp(prefix="nurture-history-"))
    try:
        history = History(Play(ledger, folder))
        start(history)
        yield history
    finally:
        empty(ledger)
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
        settle_down(history)
        history.check()


def _told(ledger: Ledger, story: list[Deed], tick: Callable[[History, Deed], None]) -> object:
    with fresh(ledger) as history:
        for deed in story:
            if deed.kind == "tick":
                history.play.now += timedelta(minutes=deed.after)
                tick(history, deed)
            else:
                history.do(deed)
        return everything(history.play)


@settings(modest, max_examples=6)
@given(histories)
def test_ticks_repeated_or_cut_in_pieces_leave_the_same_rows(
    ledger: Ledger, story: list[Deed]
) -> None:
    calm = [deed for deed in story if deed.kind not in ("crash", "other")]

    def once(history: History, _deed: Deed) -> None:
        history.play.tick()

    def thrice(history: History, _deed: Deed) -> None:
        for _ in range(3):
            history.play.tick()

    def interrupted(history: History, _deed: Deed) -> None:
        for name in ("leave", "advance", "rescore"):
            history.do(Deed("crash", 0, what=name))
        history.do(Deed("other", 0))
        history.play.tick()

    plain = _told(ledger, calm, once)
    for way in (thrice, interrupted):
        note(way.__name__)
        assert _told(ledger, calm, way) == plain
