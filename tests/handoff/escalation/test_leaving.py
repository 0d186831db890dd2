"""Reps and teams that are gone: what they had goes on, with clocks and a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from handoff.answering import answers
from handoff.escalation.ladder import climb
from handoff.escalation.leaving import Moved, move_on
from handoff.routing.assignment import assign
from handoff.routing.opening import open_handoffs
from handoff.routing.people import sync_people
from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.routing.roster import pause
from handoff.sla.clocks import run_clocks
from handoff.tables import CHANGE, CLOCK, HANDOFF, LEAD, RUNG
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk

ROUTING = [
    {"when": {"country": "DE"}, "team": "east", "reason": "speaks German"},
    {"when": {"country": "FR"}, "team": "west"},
    {"otherwise": "smb"},
]


def rules(**teams: list[str]) -> HandoffRules:
    """These teams with these reps, and the routes to them."""
    smb = desk.rules().teams["smb"].model_dump()
    made = {name: smb | {"reps": [desk.rep(each) for each in reps]} for name, reps in teams.items()}
    routing = [each for each in ROUTING if each.get("team", "smb") in teams]
    return desk.rules().model_copy(
        update={
            "teams": {name: type(desk.rules().teams["smb"])(**team) for name, team in made.items()},
            "routing": desk.rules(routing=routing).routing,
        }
    )


def arrive(ledger: Ledger, known: Any, *countries: str) -> None:
    desk.episodes(ledger, len(countries))
    with ledger.begin() as session:
        for number, country in enumerate(countries, start=1):
            session.execute(update(LEAD).where(LEAD.c.id == number).values(country=country))
        open_handoffs(session, known, now=NOW)
        assign(session, known, now=NOW)


def test_what_a_gone_rep_had_goes_to_the_queue_and_on_to_the_next(ledger: Ledger) -> None:
    known = desk.set_up(ledger, rules(smb=["bo", "cy"]))
    arrive(ledger, known, "", "", "")
    with ledger.begin() as session:
        answers.accept(session, known, 1, by="bo", now=NOW)
        left = desk.definitions(rules(smb=["cy"]), handoff_id=1)
        sync_people(session, left)
        assert move_on(session, left, now=NOW) == [Moved("smb", "bo", 2, "smb")]
        assert desk.held(session) == {"cy": 1, "": 2}
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() == NOW
        assert not desk.rows(session, RUNG, state="waiting")[8:]  # those of cy's alone
        assign(session, left, now=NOW)
        assert desk.held(session) == {"cy": 3}
        one = desk.rows(session, HANDOFF)[0]
        assert (one.state, one.generation, one.accepted_at) == ("offered", 3, None)
        clocks = desk.rows(session, CLOCK, handoff_id=1)
        assert [(c.rep, c.stopped_at is None and c.met_at is None) for c in clocks] == [
            ("bo", False), ("bo", False), ("cy", True), ("cy", True),
        ]  # fmt: skip
        said = session.execute(select(CHANGE.c.old, CHANGE.c.new, CHANGE.c.reason)).all()
        assert ("bo", "queue", "bo is gone from handoff.yaml") in said
        before = desk.everything(session)
        assert move_on(session, left, now=NOW) == []
        assert desk.everything(session) == before


def test_what_a_gone_team_had_goes_where_routing_sends_it_now(ledger: Ledger) -> None:
    known = desk.set_up(ledger, rules(smb=["bo"], east=["ed"], west=["wes", "ed"]))
    arrive(ledger, known, "DE", "DE", "FR", "")
    with ledger.begin() as session:
        left = desk.definitions(rules(smb=["bo"], west=["wes"]), handoff_id=1)
        session.execute(update(LEAD).where(LEAD.c.id == 2).values(country="FR"))
        sync_people(session, left)
        assert move_on(session, left, now=NOW) == [
            Moved("east", "ed", 1, "smb"), Moved("east", "ed", 1, "west"),
        ]  # fmt: skip
        rows = desk.rows(session, HANDOFF, "team", "rep", "path", "reason")
        assert rows[0] == (
            "smb", "", "handoff/routing/2",
            "80 points; east: speaks German; then smb: no other route fits",
        )  # fmt: skip
        assert [(row.team, row.rep) for row in rows] == [
            ("smb", ""), ("west", ""), ("west", "wes"), ("smb", "bo"),
        ]  # fmt: skip
        said = session.execute(select(CHANGE.c.reason)).scalars().all()
        assert said == ["the team east is gone from handoff.yaml"] * 2
        assign(session, left, now=NOW)
        assert desk.held(session) == {"bo": 2, "wes": 2}


def test_a_crowd_is_moved_in_as_many_statements_as_a_few(ledger: Ledger) -> None:
    known = desk.set_up(ledger, rules(smb=["bo"], east=["ed"]))
    left = desk.definitions(rules(smb=["bo"]), handoff_id=1)
    told = []
    for count, first in ((2, 1), (3_000, 10)):
        desk.queue(ledger, count, team="east", first=first)
        with ledger.begin() as session:
            sync_people(session, left)
        with counting(ledger) as said, ledger.begin() as session:
            assert sum(each.handoffs for each in move_on(session, left, now=NOW)) == count
        told.append(len(said))
        with ledger.begin() as session:
            sync_people(session, known)
    assert told[0] == told[1]


def test_without_a_handoff_yaml_nobody_is_there_and_nothing_wakes(ledger: Ledger) -> None:
    desk.set_up(ledger, rules(smb=["bo"]))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() == NOW
        gone = desk.definitions(None)
        assert sync_people(session, gone).total("reps gone") == 1
        assert move_on(session, gone, now=NOW) == []
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() is None


def test_a_lead_stays_where_it_is_when_the_others_could_not_have_it(ledger: Ledger) -> None:
    """cy is paused, di lacks the skill, ed takes no turns: in the queue nobody would have it."""
    reps = [
        desk.rep("bo", skills=["a"]), desk.rep("cy", skills=["a"]), desk.rep("di"),
        desk.rep("ed", skills=["a"], weight=0),
    ]  # fmt: skip
    known = desk.set_up(ledger, desk.rules(reps, first_touch="100 business hours"))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(skills="a"))
        assign(session, known, now=NOW)
        pause(session, "cy", until=None, reason="", now=NOW)
        late = NOW + timedelta(hours=6)
        run_clocks(session, known, now=late)
        climb(session, known, now=late)
        assert desk.held(session) == {"bo": 1}
        given = [row.reason for row in desk.rows(session, RUNG, action="give") if row.fired_at]
        assert given == ["nobody else of the team is left: it stays where it is"]
