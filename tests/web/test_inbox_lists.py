"""The lists of the inbox: whose leads, the most urgent first, looked at and left as they are."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from app.web.inbox_answers import VERBS
from handoff.answering import answers, outcomes
from handoff.tables import CLOCK, HANDOFF, LEAD
from nurture.ledger import tables as t
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk
from tests.web.conftest import Place
from tests.web.desk_visitors import fields, signed_in
from tests.web.sales_desk import MINE, OTHERS, QUEUED, TAKEN, listed, office

__all__ = ["office"]


def test_a_rep_sees_their_own_and_what_they_could_take(office: Place) -> None:
    bo = signed_in(office, "bo")
    page = office.ask("GET", "/inbox", headers=bo)
    assert listed(page) == [MINE, QUEUED]
    assert "lead1@example.test" in page.text
    assert "Accept by" in page.text
    assert "80 points" in page.text, "the brief of the most urgent"
    assert listed(office.ask("GET", "/inbox?whose=queue", headers=bo)) == [QUEUED]
    assert listed(office.ask("GET", "/inbox?whose=teams", headers=bo)) == [MINE, QUEUED]
    assert listed(office.ask("GET", "/inbox", headers=signed_in(office, "eva"))) == [OTHERS]
    mia = signed_in(office, "mia")
    assert listed(office.ask("GET", "/inbox", headers=mia)) == [MINE, TAKEN, QUEUED]
    assert listed(office.ask("GET", "/inbox/list?at=2", headers=mia)) == [MINE, TAKEN, QUEUED]


def test_late_comes_first_then_the_next_deadline_and_what_waits_comes_last(office: Place) -> None:
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).values(rep="bo", team="smb", state="accepted"))
        for number, hours in ((1, 5), (2, -1), (3, 2), (4, -3)):
            clock = {"handoff_id": number, "kind": "next_step", "generation": 9, "rep": "bo",
                     "zone": desk.BERLIN, "started_at": NOW - timedelta(days=1)}  # fmt: skip
            session.add(t.Clock(**clock, due_at=NOW + timedelta(hours=hours)))
        session.execute(update(HANDOFF).values(generation=9))
        session.flush()
        other = CLOCK.c.generation < 9
        session.execute(update(CLOCK).where(other).values(stopped_at=NOW))
    office.now = NOW + timedelta(seconds=1)
    with office.ledger.begin() as session:
        answers.pause(
            session, office.site.runtime.definitions(), 3, until=NOW + timedelta(days=2), now=NOW
        )
    bo = signed_in(office, "bo")
    page = office.ask("GET", "/inbox", headers=bo)
    assert listed(page) == [4, 2, 1, 3]
    assert "<title>(2 late) Leads</title>" in page.text
    assert "3 hours late" in page.text
    assert "5 hours left" in page.text
    assert "Waits for the lead until Wed 4 Mar 10:00" in page.text
    assert listed(office.ask("GET", "/inbox?late=1", headers=bo)) == [4, 2]
    assert listed(office.ask("GET", "/inbox?waiting=1", headers=bo)) == [3]
    assert "Go on now" in office.ask("GET", "/inbox/3", headers=bo).text


def test_filters_take_known_words_and_leave_out_others(office: Place) -> None:
    mia = signed_in(office, "mia")
    with office.ledger.begin() as session:
        said = {"first_name": "Ann-Marie", "last_name": "O'Hara", "company": "50% & Co"}
        session.execute(update(LEAD).where(LEAD.c.id == 2).values(**said))

    def found(query: str) -> list[int]:
        return listed(office.ask("GET", f"/inbox?{query}", headers=mia))

    assert found("text=ann-MARIE o") == [TAKEN]
    assert found("text=50%25 %26") == [TAKEN]
    assert found("text=%25") == [TAKEN], "a sign of SQL is a letter like others"
    assert found("text=LEAD1@") == [MINE]
    assert found("text=nobody") == []
    assert found("rep=cy") == [TAKEN]
    assert found("state=offered&team=smb") == [MINE, TAKEN, QUEUED]
    assert found("state=accepted") == []
    for foreign in ("team=big", "whose=mine", "state=won", "state=' OR 1=1", "shown=x", "late=yes",
                    "shown=-5", "x=1", "whose=teams&whose=mine"):  # fmt: skip
        assert found(foreign) == [MINE, TAKEN, QUEUED], foreign
    page = office.ask("GET", "/inbox?state=offered&text=%22%3E%3Cscript%3E&late=1", headers=mia)
    assert "<script>" not in page.text
    assert "None fits" in page.text


def test_what_strangers_wrote_is_shown_as_text(office: Place) -> None:
    nasty = '<img src=x onerror="alert(1)">'
    with office.ledger.begin() as session:
        session.execute(update(LEAD).values(first_name=nasty, company=nasty, job_title=nasty))
    page = office.ask("GET", "/inbox", headers=signed_in(office, "bo"))
    assert "<img" not in page.text
    assert "&lt;img" in page.text


def test_what_was_closed_can_be_looked_up_the_latest_first(office: Place) -> None:
    """By whose it was, for thirty days, with what came of it, and with nothing left to answer."""
    known = office.site.runtime.definitions()
    with office.ledger.begin() as session:
        answers.accept(session, known, QUEUED, by="bo", now=NOW)
        outcomes.outcome(session, known, MINE, result="won", reason="chose <b>us", now=NOW)
        answers.reject(
            session, known, QUEUED, reason="no budget", by="bo", now=NOW + timedelta(hours=1)
        )
    office.now = NOW + timedelta(hours=2)
    bo = signed_in(office, "bo")
    page = office.ask("GET", "/inbox?whose=closed", headers=bo)
    assert listed(page) == [QUEUED, MINE]
    assert "2 closed in the last 30 days" in page.text
    assert "Mon 2 Mar 11:00: no budget" in page.text
    assert "Mon 2 Mar 10:00: chose &lt;b&gt;us" in page.text
    assert "Late only" not in page.text
    assert not fields(office.ask("GET", f"/inbox/{MINE}?whose=closed", headers=bo).text, "/inbox/1")
    assert listed(office.ask("GET", "/inbox?whose=closed&state=won", headers=bo)) == [MINE]
    assert listed(office.ask("GET", "/inbox?state=won", headers=bo)) == []
    mia = signed_in(office, "mia")
    assert listed(office.ask("GET", "/inbox?whose=closed", headers=mia)) == [TAKEN]
    office.now = NOW + timedelta(days=30, minutes=30)
    page = office.ask("GET", "/inbox?whose=closed", headers=signed_in(office, "bo"))
    assert listed(page) == [QUEUED]


def test_looking_changes_nothing_and_only_these_pages_have_scripts(office: Place) -> None:
    bo = signed_in(office, "bo")
    before = office.everything()
    for path in ("/inbox", "/inbox/list", "/inbox/1", *(f"/inbox/1/{verb}" for verb in VERBS)):
        for method in ("GET", "HEAD"):
            page = office.ask(method, path, headers=bo)
            assert page.status_code == 200
            policy = page.headers["content-security-policy"]
            assert "script-src 'self'; connect-src 'self'" in policy
            assert "unsafe" not in policy
            assert page.headers["cache-control"] == "no-store"
    assert office.everything() == before
    for path in ("/sign-in", "/", "/leads/1"):
        assert "script-src" not in office.ask("GET", path).headers["content-security-policy"]
    for wrong in ("x", "-1", "1/fire", "1/accept/2", "9" * 30, "٣"):
        assert office.ask("GET", f"/inbox/{wrong}", headers=bo).status_code == 404


def test_the_statements_of_a_page_do_not_grow_with_the_leads(office: Place) -> None:
    bo = signed_in(office, "bo")

    def statements() -> int:
        with counting(office.ledger) as sent:
            assert office.ask("GET", "/inbox", headers=bo).status_code == 200
        return len(sent)

    few = statements()
    desk.queue(office.ledger, 300, first=5)
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id > 4).values(rep="bo"))
    assert statements() == few
    assert few <= 25
    page = office.ask("GET", "/inbox", headers=bo)
    assert len(listed(page)) == 100
    more = office.ask("GET", "/inbox?shown=200", headers=bo)
    assert "/inbox?whose=mine&amp;shown=200" in page.text
    assert len(listed(more)) == 200
