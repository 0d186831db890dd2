"""A goal reached after the end counts, once, and changes nothing else."""

from __future__ import annotations

from sqlalchemy import select

from insight import funnel
from nurture.language.compiled.graph import graph_of
from tests.sequences.play import BERLIN, D, E, Play
from tests.sequences.texts import sequence

HEAD = """goal: {all: [{event: demo_booked}, {event: poked}]}
goal_within: 10 days
exit: [{when: {lifecycle: customer}, reason: bought}]
"""
AGAIN = "enter: {when: {event: form_submitted}, again: always}"


def counted(play: Play) -> dict[str, str]:
    """By lead: the day its goal after the end was counted."""
    names = {number: name for name, number in play._ids.items()}
    rows = play.rows(select(E.lead_id, E.goal_at).where(E.goal_at.is_not(None)).order_by(E.id))
    return {names[lead]: f"{at.astimezone(BERLIN):%m-%d}" for lead, at in rows}


def test_it_counts_for_who_ended_and_left_within_its_time(play: Play) -> None:
    definitions = play.apply(sequence("- wait: 1 day", head=HEAD + AGAIN))
    for name in ("ann", "bob", "cleo", "dan"):
        play.lead(name)
        play.event(name, "poked")  # before the form: no part of the goal
        play.event(name, "form_submitted", "03-02 08:00")
    play.tick()
    play.change("bob", "lifecycle", "customer")
    play.event("dan", "poked", "03-02 09:00")
    play.event("dan", "demo_booked", "03-02 09:00")
    play.until("03-06 08:00")
    for name in ("ann", "bob"):
        play.event(name, "poked")
        play.event(name, "demo_booked")
    play.event("cleo", "poked")
    play.until("03-14 08:00")
    play.event("cleo", "demo_booked")  # too late
    play.event("ann", "demo_booked")
    play.until("03-20 08:00")
    assert [play.state(name) for name in play._ids] == ["completed", "exited", "completed", "goal"]
    assert counted(play) == {"ann": "03-06", "bob": "03-06"}
    late = play.rows(select(D.reason, D.path).where(D.kind == "goal").order_by(D.id))
    assert late[1:] == [
        ("demo_booked and poked, within 10 days after the end", "flow/goal"),
        ("demo_booked and poked, within 10 days after the end", "flow/goal"),
    ]
    (line,) = play.do(funnel.sequences)
    assert (line.entered, line.goal, line.completed, line.left, line.goal_later) == (4, 1, 2, 1, 2)
    (goal, _) = graph_of(definitions.active["flow"]).leaving
    assert goal.detail == "also within 10 days after the end"


def test_only_the_last_way_through_the_sequence_counts(play: Play) -> None:
    play.apply(sequence("- wait: 1 day", head=HEAD + AGAIN))
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-04 08:00")
    play.event("ann", "form_submitted")
    play.tick()
    play.event("ann", "poked")
    play.event("ann", "demo_booked")
    play.until("03-10 08:00")
    assert [each.state for each in play.enrolments()] == ["completed", "goal"]
    assert counted(play) == {}
