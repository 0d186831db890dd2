"""Who would get a lead is what the passes then do; and nothing was changed by asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from handoff.routing.assignment import assign
from handoff.routing.explaining import Explained, explain
from handoff.routing.opening import open_handoffs
from handoff.routing.roster import pause
from handoff.tables import CLOCK, EPISODE, HANDOFF, LEAD, REP
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import Conflict
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

REPS = [
    desk.rep("bo", skills=["german"]), desk.rep("cy", room=1, skills=["german"]),
    desk.rep("di", hours="14:00-17:00", skills=["german"]), desk.rep("ed", skills=["german"]),
    desk.rep("flo"), desk.rep("gus", skills=["german"], away=["2026-03-01..2026-03-08"]),
    desk.rep("hal", skills=["german"], per_day=1), desk.rep("ida", skills=["german"], weight=0),
]  # fmt: skip
ROUTING = [
    {"when": {"country": "DE"}, "team": "smb", "skills": ["german"], "reason": "speaks German"},
    {"otherwise": "smb"},
]


def asked(ledger: Ledger, known: Definitions, lead: int, now: datetime = NOW) -> Explained:
    """The answer, after making sure that asking changed nothing."""
    with ledger.begin() as session:
        before = desk.everything(session)
        found = explain(session, known, lead, now=now)
        assert desk.everything(session) == before
    return found


def said(found: Explained) -> dict[str, tuple[int | None, str]]:
    return {each.rep: (each.turn, each.said) for each in found.candidates}


def set_up(ledger: Ledger, **team: Any) -> Definitions:
    rules = desk.rules(REPS, routing=ROUTING)
    smb = rules.teams["smb"].model_copy(update=team)
    return desk.set_up(ledger, rules.model_copy(update={"teams": {"smb": smb}}))


def test_it_says_who_by_which_rule_and_what_keeps_the_others_from_it(ledger: Ledger) -> None:
    known = set_up(ledger)
    desk.queue(ledger, 1)
    desk.queue(ledger, 1, first=2)
    desk.episodes(ledger, 1, first=9)
    with ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 1).values(rep="cy"))
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 2).values(rep="hal"))
        until = NOW + timedelta(days=30)
        session.execute(update(REP).where(REP.c.rep == "hal").values(taken=1, taken_until=until))
        session.execute(update(LEAD).where(LEAD.c.id == 9).values(country="DE"))
        pause(session, "ed", until=NOW + timedelta(days=1), reason="ill", now=NOW)
    found = asked(ledger, known, 9)
    assert (found.team, found.path, found.skills) == ("smb", "handoff/routing/1", "german")
    assert found.reason == "smb: speaks German"
    assert (found.rep, found.why) == ("bo", "next in turn")
    assert said(found) == {
        "bo": (1, "takes leads"),
        "cy": (None, "full, 1 of 1"),
        "di": (None, "not at work until Mon 14:00"),
        "ed": (None, "paused until Tue 10:00 (ill)"),
        "flo": (None, "lacks a skill: german"),
        "gus": (None, "away until Mon 9 Mar 2026 09:00"),
        "hal": (None, "had 1 of 1 today"),
        "ida": (None, "takes no turns (weight 0); takes leads"),
    }
    with ledger.begin() as session:
        open_handoffs(session, known, now=NOW)
        assign(session, known, now=NOW)
        row = desk.rows(session, HANDOFF, lead_id=9)[0]
        assert (row.rep, row.path, row.team) == (found.rep, found.path, found.team)


def test_of_a_lead_with_sales_it_says_who_would_be_next(ledger: Ledger) -> None:
    known = set_up(ledger)
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
    found = asked(ledger, known, 1)
    assert (found.handoff, found.holder) == (1, "bo")
    assert said(found)["bo"][1] == "has it; takes leads"
    with ledger.begin() as session:
        session.execute(update(CLOCK).where(CLOCK.c.rep == "bo").values(lapsed_at=NOW))
    found = asked(ledger, known, 1)
    assert said(found)["bo"] == (None, "has it; takes leads")
    assert (found.rep, found.why) == ("cy", "next in turn")


def test_an_owner_is_named_and_at_night_the_reason_of_the_queue(ledger: Ledger) -> None:
    known = set_up(ledger, first=("owner",))
    desk.episodes(ledger, 2)
    with ledger.begin() as session:
        session.execute(update(LEAD).where(LEAD.c.id == 1).values(attributes={"owner": "ida"}))
    night = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
    found = asked(ledger, known, 1, night)
    assert (found.rep, found.why) == ("ida", "owns the lead")
    found = asked(ledger, known, 2, night)
    assert (found.rep, found.why) == ("", "nobody of smb is at work before Tue 09:00")
    assert {each.turn for each in found.candidates} == {None}


def test_a_lead_that_crosses_this_moment_is_asked_about_as_any(ledger: Ledger) -> None:
    known = set_up(ledger)
    desk.episodes(ledger, 1)
    with ledger.begin() as session:
        session.execute(insert(EPISODE).values(lead_id=1, cause="sequence:x", opened_at=NOW))
    assert asked(ledger, known, 1).rep == "bo"


def test_without_a_handoff_yaml_it_says_so(ledger: Ledger) -> None:
    with ledger.begin() as session, pytest.raises(Conflict, match="no handoff.yaml"):
        explain(session, desk.definitions(None), 1, now=NOW)
