"""Grades: words for fits, in every condition that may ask for fit."""

from __future__ import annotations

from typing import Any

import pytest

from nurture.language.files.scoring import Scoring
from nurture.scoring.explain import explain
from tests.sequences.play import Play
from tests.sequences.texts import HANDOFF, SCORING, sequence

GRADED = SCORING.replace("fit:\n", "fit:\n  - {rule: pro, when: {plan: pro}, points: 10}\n")
GRADES = GRADED + "grades: {A: 30, B: 20, C: 10}\n"


def graded(play: Play, name: str) -> str | None:
    definitions = play.definitions()
    lead = play.lead_row(name).id or 0
    fit = play.do(lambda session: explain(session, lead, now=play.now)).fit
    return definitions.scoring.grade_of(fit)


@pytest.mark.parametrize(
    ("fit", "grade"),
    [(99, "A"), (30, "A"), (29.9999999, "A"), (29.99, "B"), (20, "B"), (10, "C"), (9.9, None),
     (-5, None)],
)  # fmt: skip
def test_a_fit_has_the_best_grade_whose_least_it_reaches(fit: float, grade: str | None) -> None:
    assert Scoring(grades={"A": 30, "B": 20, "C": 10}).grade_of(fit) == grade
    assert Scoring().grade_of(fit) is None


@pytest.mark.parametrize(
    ("names", "ranges"),
    [
        (["A"], [(30, None)]),
        (["A", "B"], [(20, None)]),
        (["B", "C"], [(10, 30)]),
        (["C", "A"], [(30, None), (10, 20)]),
        (["gone"], []),
    ],
)
def test_grades_beside_each_other_are_one_range(names: list[str], ranges: list[Any]) -> None:
    assert Scoring(grades={"A": 30, "B": 20, "C": 10}).ranges(names) == ranges


def test_a_segment_lets_in_whoever_comes_to_have_the_grade(play: Play) -> None:
    head = "enter: {segment: {grade: [A, B]}}\nexit: [{when: {not: {grade: [A, B]}}}]"
    play.apply(sequence("- wait: 9 days", head=head), scoring=GRADES)
    play.lead("ann", attributes={"employees": 900, "plan": "pro"})
    play.lead("bob", attributes={"plan": "pro"})
    play.lead("cyd", attributes={})
    play.tick("03-02 08:00")
    assert [graded(play, name) for name in ("ann", "bob", "cyd")] == ["A", "C", None]
    assert [play.state(name) for name in ("ann", "bob", "cyd")] == ["active", "", ""]
    play.change("ann", "attributes", {"plan": "pro"})  # type: ignore[arg-type]
    play.change("cyd", "attributes", {"employees": 500})  # type: ignore[arg-type]
    play.tick("03-02 09:00")
    assert [play.state(name) for name in ("ann", "bob", "cyd")] == ["exited", "", "active"]
    assert play.decisions("cyd") == ["entered: entered: grade is A or B", "stage: reached first"]
    assert play.decisions("ann")[-1] == "exited: not (grade is A or B)"


def test_other_numbers_grade_every_lead_anew(play: Play) -> None:
    head = "enter: {segment: {grade: A}}"
    play.apply(sequence("- wait: 9 days", head=head), scoring=GRADES)
    play.lead("bob", attributes={"plan": "pro"})
    play.tick("03-02 08:00")
    assert play.state("bob") == ""
    play.now = play.now.replace(hour=9)
    play.apply(scoring=GRADES.replace("A: 30, B: 20, C: 10", "A: 10"))
    play.tick()
    assert play.state("bob") == "active"


def test_a_grade_that_is_gone_has_nobody(play: Play) -> None:
    steps = "- wait: 1 day\n- branch: [{when: {grade: C}, steps: [{end: a C}]}, {otherwise: []}]"
    play.apply(sequence(steps), scoring=GRADES)
    play.lead(attributes={"plan": "pro"})
    play.event("ann", "form_submitted")
    play.tick("03-02 08:00")
    (play.folder / "sequences/flow.yaml").unlink()
    play.apply(sequence("- wait: 1 day", name="other"), scoring=GRADED)
    play.until("03-04 08:00")
    assert play.enrolments()[0].reason == "came to the end of the sequence"


def test_a_gate_opens_when_a_lead_gets_the_grade(play: Play) -> None:
    gated = sequence("- wait: 1 minute") + """
  - stage: second
    gate: {when: {grade: [B, A]}, within: 9 days}
    steps: [{end: through}]
"""
    play.apply(gated, scoring=GRADES)
    play.lead(attributes={})
    play.event("ann", "form_submitted")
    play.until("03-03 08:00")
    assert play.state() == "active"
    play.change("ann", "attributes", {"employees": 600})  # type: ignore[arg-type]
    play.tick("03-04 08:00")
    assert play.decisions("ann", "gate") == ["gate: passed: grade is B or A"]


def test_routing_goes_by_grade(play: Play) -> None:
    best = HANDOFF.replace("teams:", """teams:
  best:
    manager: {name: Kai, email: kai@example.test}
    zone: Europe/Berlin
    calendar: office
    sla: standard
    reps: [{rep: di, name: Di, email: di@example.test}]""")
    best = best.replace("routing: [", "routing: [{when: {grade: A}, team: best}, ")
    play.apply(sequence("- hand_off: true"), scoring=GRADES, handoff=best)
    play.lead("ann", attributes={"employees": 900, "plan": "pro"})
    play.lead("bob", attributes={"plan": "pro"})
    for name in ("ann", "bob"):
        play.event(name, "form_submitted")
    play.tick("03-02 09:30")
    assert (play.handoff("ann").team, play.handoff("bob").team) == ("best", "smb")
    assert play.handoff("ann").reason
