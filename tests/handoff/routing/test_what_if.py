"""Another handoff.yaml over what was handed over: how many would have gone elsewhere."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from handoff.routing.opening import open_handoffs
from handoff.routing.what_if import Going, compare
from handoff.tables import HANDOFF, LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW, counting, make_engagement
from tests.handoff import sales_desk as desk

WEEK = NOW - timedelta(days=7)
EAST = {"when": {"country": "DE"}, "team": "east", "reason": "speaks German"}


def known(*routing: dict[str, object]) -> Definitions:
    said = desk.rules(routing=[*routing, {"otherwise": "smb"}])
    smb = said.teams["smb"]
    return desk.definitions(said.model_copy(update={"teams": {"smb": smb, "east": smb}}))


def test_what_would_have_gone_elsewhere_is_counted_by_team_and_rule(ledger: Ledger) -> None:
    first = desk.set_up(ledger, known(EAST).handoff)
    desk.episodes(ledger, 7)
    desk.episodes(ledger, 1, first=20, team="east", cause="sequence:x", path="x/y/1")
    with ledger.begin() as session:
        for lead, country in ((1, "DE"), (2, "DE"), (3, "FR"), (4, "FR"), (5, "AT")):
            session.execute(update(LEAD).where(LEAD.c.id == lead).values(country=country))
        open_handoffs(session, first, now=NOW)
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 7).values(opened_at=WEEK))
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 5).values(rep="cy"))
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 6).values(rep="bo"))
        now_as_then = compare(session, known(EAST), since=WEEK)
        assert (now_as_then.handoffs, now_as_then.elsewhere) == (7, 0)
    bo = {"when": {"country": "AT"}, "rep": "bo"}
    other = known({"when": {"country": "FR"}, "team": "east"}, bo)
    with ledger.begin() as session:
        before = desk.everything(session)
        found = compare(session, other, since=WEEK + timedelta(days=1))
        assert desk.everything(session) == before
    assert (found.handoffs, found.elsewhere) == (6, 5)
    assert sorted(found.goings, key=lambda each: each.path) == [
        Going("smb", "east", "", "handoff/routing/1", "east: country is FR", 2),
        Going("smb", "smb", "bo", "handoff/routing/2", "bo: country is AT", 1),
        Going("east", "smb", "", "handoff/routing/3", "smb: no other route fits", 2),
    ]


def test_conditions_about_time_are_asked_as_of_then(ledger: Ledger) -> None:
    """A visit within a week of the handoff, a month ago."""
    first = desk.set_up(ledger, known().handoff)
    desk.episodes(ledger, 2)
    with ledger.begin() as session:
        month = NOW - timedelta(days=30)
        lead = session.get(t.Lead, 1)
        assert lead is not None
        make_engagement(session, lead, "page_viewed", occurred_at=month - timedelta(days=2))
        open_handoffs(session, first, now=month)
        seen = {"when": {"event": "page_viewed", "within": "7 days"}, "team": "east"}
        found = compare(session, known(seen), since=month)
        assert [(each.to, each.handoffs) for each in found.goings] == [("east", 1)]


def test_many_take_as_many_statements_as_few(ledger: Ledger) -> None:
    desk.set_up(ledger, known().handoff)
    told = []
    for count, first in ((3, 1), (4_000, 10)):
        desk.queue(ledger, count, first=first)
        with counting(ledger) as said, ledger.begin() as session:
            compare(session, known(EAST), since=WEEK)
        told.append(desk.told(said))
    assert told[0] == told[1]
