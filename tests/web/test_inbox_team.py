"""The board of a manager: late first, the queue before all, given on in one step."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from handoff.answering import answers, outcomes
from handoff.tables import CLOCK, HANDOFF, REP
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk
from tests.web.conftest import Place
from tests.web.desk_visitors import fields, signed_in
from tests.web.sales_desk import handoff, listed, office

__all__ = ["office"]


def columns(html: str) -> list[tuple[str, list[int]]]:
    """(whose, the numbers below it) of each block, in order."""
    parts = html.split('<section class="column" aria-label="')[1:]
    return [
        (part.partition('"')[0], [int(number) for number in re.findall(r'<a id="h(\d+)"', part)])
        for part in parts
    ]


def test_the_queue_comes_first_then_who_is_late(office: Place) -> None:
    mia = signed_in(office, "mia")
    page = office.ask("GET", "/inbox/team", headers=mia)
    assert columns(page.text) == [("To take", [3]), ("Bo", [1]), ("Cy", [2])]
    assert "3 open, none late" in page.text
    with office.ledger.begin() as session:
        late = update(CLOCK).where(CLOCK.c.handoff_id == 2)
        session.execute(late.values(due_at=NOW - timedelta(hours=1)))
    page = office.ask("GET", "/inbox/team", headers=mia)
    assert columns(page.text) == [("To take", [3]), ("Cy", [2]), ("Bo", [1])]
    assert "<title>(1 late) Teams</title>" in page.text
    assert "takes leads. 1 of 25 places taken" in page.text
    other = office.ask("GET", "/inbox/team", headers=signed_in(office, "max"))
    assert columns(other.text) == [("To take", [4]), ("Eva", [])]
    assert office.ask("GET", "/inbox/team", headers=signed_in(office, "bo")).status_code == 404


def test_a_manager_reads_every_deadline_by_the_teams_own_clock(office: Place) -> None:
    with office.ledger.begin() as session:
        away = update(CLOCK).where(CLOCK.c.handoff_id == 1)
        session.execute(away.values(zone="America/New_York", due_at=NOW + timedelta(hours=1)))
    for path in ("/inbox/team", "/inbox"):
        page = office.ask("GET", path, headers=signed_in(office, "mia")).text
        assert "Accept by Mon 2 Mar 11:00" in page
        assert "05:00" not in page, "in the brief neither"
    mine = office.ask("GET", "/inbox", headers=signed_in(office, "bo")).text
    assert "Accept by Mon 2 Mar 05:00" in mine


def test_what_somebody_who_left_has_is_shown(office: Place) -> None:
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 2).values(rep="zoe"))
    page = office.ask("GET", "/inbox/team", headers=signed_in(office, "mia"))
    assert ("zoe", [2]) in columns(page.text)
    assert "not of the team any more" in page.text


def give(place: Place, who: dict[str, str], number: int, to: str, seen: str = "") -> Any:
    html = seen or place.ask("GET", "/inbox/team", headers=who).text
    path = f"/inbox/{number}/give"
    return place.ask("POST", path, headers=who, data=fields(html, path) | {"to": to})


def test_a_lead_is_given_on_in_one_step_also_out_of_the_queue(office: Place) -> None:
    mia = signed_in(office, "mia")
    seen = office.ask("GET", "/inbox/team", headers=mia).text
    page = give(office, mia, 3, "cy", seen)
    assert page.status_code == 200
    assert "Handoff 3 was given to Cy by Mia" in page.text
    assert dict(columns(page.text))["Cy"] == [2, 3]
    assert handoff(office, 3).rep == "cy"
    second = give(office, mia, 3, "bo", seen)
    assert second.status_code == 409
    assert "is with Cy" in second.text
    assert columns(second.text)
    foreign = give(office, mia, 1, "eva", seen)
    assert foreign.status_code == 422
    assert "Choose who of the team" in foreign.text
    assert handoff(office, 1).rep == "bo"


def switch(place: Place, who: dict[str, str], verb: str, **form: str) -> Any:
    path = f"/inbox/reps/bo/{verb}"
    page = place.ask("GET", "/inbox/team", headers=who)
    return place.ask("POST", path, headers=who, data=fields(page.text, path) | form)


def rep(place: Place, name: str) -> Any:
    with place.ledger.begin() as session:
        (row,) = desk.rows(session, REP, rep=name)
    return row


@pytest.mark.parametrize(
    ("until", "days"), [("tomorrow", 1), ("3 days", 3), ("week", 7), ("", None)]
)
def test_a_rep_is_paused_and_let_go_on(office: Place, until: str, days: int | None) -> None:
    mia = signed_in(office, "mia")
    page = switch(office, mia, "pause", until=until)
    assert page.status_code == 200
    assert "Bo is paused" in page.text
    found = rep(office, "bo")
    nine = NOW.replace(hour=8)  # in Berlin
    assert found.paused_until == (nine + timedelta(days=days) if days else None)
    assert (found.paused_at, found.pause_reason) == (NOW, "by Mia")
    assert "Take leads again" in page.text
    again = switch(office, mia, "resume")
    assert "Bo takes leads again" in again.text
    assert rep(office, "bo").paused_at is None


def test_reps_of_others_are_nobody_to_see(office: Place) -> None:
    mia, boss, bo = (signed_in(office, who) for who in ("mia", "max", "bo"))
    seen = office.ask("GET", "/inbox/team", headers=mia).text
    mark = fields(seen, "/inbox/reps/bo/pause")
    before = office.everything()
    for who, path in ((boss, "bo/pause"), (bo, "bo/pause"), (mia, "eva/pause"),
                      (mia, "nobody/pause"), (mia, "bo/fire")):  # fmt: skip
        answer = office.ask("POST", f"/inbox/reps/{path}", headers=who, data=mark)
        assert answer.status_code == 404, path
    others = fields(seen, "/inbox/reps/cy/pause")
    for said in (mark | {"until": "never"}, {"until": "week"}, others):
        assert office.ask("POST", "/inbox/reps/bo/pause", headers=mia, data=said).status_code == 422
    evil = mia | {"origin": "https://evil.example"}
    assert office.ask("POST", "/inbox/reps/bo/pause", headers=evil, data=mark).status_code == 403
    assert office.everything() == before


def test_yesterday_is_told(office: Place) -> None:
    known = office.site.runtime.definitions()
    with office.ledger.begin() as session:
        answers.reject(session, known, 1, reason="no budget", now=NOW)
        outcomes.outcome(session, known, 2, result="won", now=NOW)
    office.now = NOW + timedelta(days=1)
    page = office.ask("GET", "/inbox/team", headers=signed_in(office, "mia")).text
    assert "Yesterday 3 came in, 1 accepted, 1 won, 1 rejected." in page


def test_a_full_board_takes_as_many_statements_and_leads_to_the_rest(office: Place) -> None:
    mia = signed_in(office, "mia")
    assert office.ask("GET", "/inbox/team", headers=mia).status_code == 200

    def statements() -> int:
        with counting(office.ledger) as sent:
            assert office.ask("GET", "/inbox/team", headers=mia).status_code == 200
        return len(sent)

    few = statements()
    desk.queue(office.ledger, 40, first=5)
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id > 4).values(rep="bo"))
    assert statements() == few
    assert few <= 15
    page = office.ask("GET", "/inbox/team", headers=mia).text
    assert len(dict(columns(page))["Bo"]) == 10
    assert '<a href="/inbox?whose=teams&amp;team=smb&amp;rep=bo">All 41</a>' in page
    rest = office.ask("GET", "/inbox?whose=teams&team=smb&rep=bo", headers=mia)
    assert len(listed(rest)) == 41
    assert office.rows(t.WebSession)
