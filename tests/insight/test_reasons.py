"""The report of reasons: what was sent back why, against what was opened and won."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from insight.reasons import Line, reasons
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused
from tests.fixtures_ledger import counting
from tests.sequences.play import Play
from tests.sequences.texts import HANDOFF as TEAMS
from tests.sequences.texts import sequence

RULES = """
recycle: {reasons: [not a fit, bad timing, 100% no]}
"""
ASKED = "- hand_off: {team: smb, reason: asked}"
OTHER = sequence(ASKED, name="other", head="enter: {when: {event: poked}}\n")


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    """Six leads by two sequences; the last is with sales still."""
    made = Play(ledger, tmp_path / "workspace")
    made.apply(sequence(ASKED), OTHER, handoff=TEAMS + RULES)
    for number in range(6):
        name = f"l{number}"
        made.lead(name, attributes={"plan": "pro" if number % 2 else "free"})
        made.event(name, "form_submitted" if number < 4 else "poked")
    made.tick()
    made.now += timedelta(hours=1)
    made.sales("l0", "reject", reason="bad timing: in May")
    made.sales("l1", "reject", reason="bad timing")
    made.sales("l2", "recycle", reason="bad timings differ")
    made.sales("l3", "outcome", result="won", amount=1200.5)
    made.sales("l4", "outcome", result="lost", reason="100% no: thanks")
    return made


def told(play: Play, **how: object) -> list[Line]:
    with play.ledger.begin() as session:
        return reasons(session, play.definitions(), **how)  # type: ignore[arg-type]


def seen(line: Line) -> list[tuple[str, int]]:
    return [(each.reason, each.times) for each in line.reasons]


def test_all_in_one_line(play: Play) -> None:
    (line,) = told(play)
    assert (line.name, line.opened, line.amount) == ("", 6, 1200.5)
    assert dict(line.states) == {
        "rejected": 2, "recycled": 1, "won": 1, "lost": 1, "offered": 1,
    }  # fmt: skip
    assert seen(line) == [("bad timing", 2), ("100% no", 1), ("bad timings differ", 1)]
    assert line.reasons[0].counts == {"lost": 0, "rejected": 2, "recycled": 0}
    assert line.reasons[0].share == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        ("cause", {"sequence:flow": 4, "sequence:other": 2}),
        ("sequence", {"flow": 4, "other": 2}),
        ("rule", {"flow/first/1": 4, "other/first/1": 2}),
        ("team", {"smb": 6}),
        ("source", {"test": 6}),
        ("plan", {"free": 3, "pro": 3}),
    ],
)
def test_by_what_it_came_of(play: Play, by: str, lines: dict[str, int]) -> None:
    found = told(play, by=by)
    assert {line.name: line.opened for line in found} == lines
    assert sum(reason.times for line in found for reason in line.reasons) == 4
    assert sum(line.amount for line in found) == 1200.5


def test_a_rule_that_was_moved_is_counted_as_one(ledger: Ledger, tmp_path: Path) -> None:
    play = Play(ledger, tmp_path / "workspace")
    flow = sequence("- hand_off: true")
    pro = "{when: {plan: pro}, team: smb, reason: pays}"
    free = "{when: {plan: free}, team: smb}"
    for number, routes in enumerate(([pro, free], [free, pro])):
        asked = TEAMS.replace("[{otherwise", f"[{', '.join(routes)}, {{otherwise")
        play.apply(flow, handoff=asked)
        for plan in ("pro", "free", "none"):
            play.lead(f"{plan}{number}", attributes={"plan": plan})
            play.event(f"{plan}{number}", "form_submitted")
        play.tick()
        play.now += timedelta(hours=1)
    assert {line.name: line.opened for line in told(play, by="rule")} == {
        "smb: pays": 2, "smb: plan is free": 2, "smb: no other route fits": 2,
    }  # fmt: skip


def test_only_what_was_opened_since(play: Play) -> None:
    assert told(play, since=play.now) == []
    assert told(play, since=play.now - timedelta(hours=1))[0].opened == 6


def test_nothing_else_is_counted_by(play: Play) -> None:
    with pytest.raises(InputRefused, match=r"'tea' is nothing .* plan\. Nearest: team\."):
        told(play, by="tea")


def test_it_is_one_statement_however_much_there_is(play: Play) -> None:
    definitions = play.definitions()
    with play.ledger.begin() as session, counting(play.ledger) as sent:
        reasons(session, definitions, by="source")
    assert len(sent) == 1
