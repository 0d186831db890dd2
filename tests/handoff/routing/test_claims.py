"""A lead that is somebody's already goes to them, if they are here and have room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, literal, select, update

from handoff.routing.assignment import assign
from handoff.routing.claims import domain_of
from handoff.routing.opening import open_handoffs
from handoff.tables import CLOCK, EPISODE, HANDOFF, LEAD, MESSAGE, REP
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

NIGHT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
REPS = [
    desk.rep("bo", skills=["german"]), desk.rep("cy", room=2, skills=["german", "enterprise"]),
    desk.rep("di"),
]  # fmt: skip


def rules(*first: str, reps: list[dict[str, Any]] | None = None, **values: Any) -> Any:
    said = desk.rules(REPS if reps is None else reps, **values)
    smb = said.teams["smb"].model_copy(update={"first": first})
    return said.model_copy(update={"teams": {"smb": smb}})


def arrive(ledger: Ledger, known: Any, *leads: dict[str, Any], first: int, now: Any = NOW) -> None:
    """Leads with these values cross, are routed and assigned."""
    desk.episodes(ledger, len(leads), first=first)
    with ledger.begin() as session:
        for number, values in enumerate(leads, start=first):
            said = {"company": "Example"} | values
            session.execute(update(LEAD).where(LEAD.c.id == number).values(**said))
        open_handoffs(session, known, now=now)
        assign(session, known, now=now)


def given(ledger: Ledger) -> dict[int, tuple[str, str]]:
    """By lead: the rep of its latest handoff, and why."""
    with ledger.begin() as session:
        rows = session.execute(
            select(HANDOFF.c.lead_id, HANDOFF.c.rep, CLOCK.c.reason)
            .join(CLOCK, CLOCK.c.handoff_id == HANDOFF.c.id)
            .where(CLOCK.c.kind == "accept", CLOCK.c.generation == HANDOFF.c.generation)
            .order_by(HANDOFF.c.id)
        )
        return {row[0]: (row[1], row[2].partition(";")[0]) for row in rows}


def of(name: str) -> dict[str, Any]:
    return {"attributes": {"owner": name}}


def at(address: str) -> dict[str, Any]:
    return {"email": address, "email_key": address}


def test_an_owner_goes_before_the_turn_by_name_or_address_until_full(ledger: Ledger) -> None:
    known = desk.set_up(ledger, rules("owner"))
    arrive(
        ledger, known, of("DI"), of("cy@example.test"), of("cy"), of("cy"), of("nobody"), of(""),
        first=1,
    )  # fmt: skip
    assert given(ledger) == {
        1: ("di", "owns the lead"),
        2: ("cy", "owns the lead"),
        3: ("cy", "owns the lead"),
        4: ("bo", "next in turn"),
        5: ("di", "next in turn"),
        6: ("bo", "next in turn"),
    }
    with ledger.begin() as session:
        assert [row.template for row in desk.rows(session, MESSAGE)] == ["offered"] * 6
        before = desk.everything(session)
        assign(session, known, now=NOW)
        assert desk.everything(session) == before


def test_the_rep_of_a_colleague_of_the_customer_and_of_before(ledger: Ledger) -> None:
    first = ("owner", "company", "parent", "last_rep")
    known = desk.set_up(ledger, rules(*first, owners={"parent": "account"}))
    arrive(
        ledger, known, at("ann@acme.test"), at("ben@gmail.com") | {"attributes": {"account": "A1"}},
        at("cid@third.test"), first=1,
    )  # fmt: skip
    assert [rep for rep, _ in given(ledger).values()] == ["bo", "cy", "di"]
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(state="recycled", closed_at=NOW))
        again = {"cause": "threshold:hot", "reason": "90 points", "opened_at": NOW}
        session.execute(update(EPISODE).values(closed_at=NOW))
        session.execute(insert(EPISODE).values(lead_id=3, **again))
    arrive(
        ledger, known, at("cem@acme.test"), at("dan@gmail.com"),
        at("eve@other.test") | {"attributes": {"account": "a1"}}, at("fay@acme.test.example"),
        first=11,
    )  # fmt: skip
    found = given(ledger)
    assert found[3] == ("di", "had the lead before")
    assert found[11] == ("bo", "has the lead's colleagues")
    assert found[13] == ("cy", "has the customer it belongs to")
    assert {found[12][1], found[14][1]} == {"next in turn"}


def test_who_let_it_lapse_has_no_claim_and_who_is_away_holds_nothing_up(ledger: Ledger) -> None:
    reps = [*REPS[:2], desk.rep("di", away=["2026-03-02..2026-03-06"])]
    known = desk.set_up(ledger, rules("owner", "last_rep", reps=reps))
    arrive(ledger, known, of("di"), of("bo"), first=1)
    assert given(ledger) == {1: ("cy", "next in turn"), 2: ("bo", "owns the lead")}
    with ledger.begin() as session:
        session.execute(
            update(HANDOFF).where(HANDOFF.c.lead_id == 2).values(state="lapsed", closed_at=NOW)
        )
        session.execute(update(REP).where(REP.c.rep == "bo").values(paused_at=NOW))
        session.execute(update(EPISODE).values(closed_at=NOW))
        again = {"cause": "threshold:hot", "reason": "90 points", "opened_at": NOW}
        session.execute(insert(EPISODE).values(lead_id=2, **again))
    arrive(ledger, known, {}, first=9)
    assert given(ledger)[2] == ("cy", "next in turn")


def test_a_rule_names_a_rep_and_asks_for_skills(ledger: Ledger) -> None:
    routing = [
        {"when": {"country": "CH"}, "rep": "di", "reason": "speaks the dialect"},
        {"when": {"country": "DE"}, "team": "smb", "skills": ["german", "enterprise"]},
        {"when": {"country": "AT"}, "team": "smb", "skills": ["german"]},
        {"otherwise": "smb"},
    ]
    known = desk.set_up(ledger, rules(routing=routing))
    countries = ["CH", "DE", "DE", "DE", "AT", "AT", "CH"]
    arrive(ledger, known, *({"country": each} for each in countries), first=1)
    found = given(ledger)
    assert [rep for rep, _ in found.values()] == ["di", "cy", "cy", "", "bo", "bo", "di"]
    assert found[1][1] == "the rule names them"
    assert found[4][1] == "everybody of smb at work has as many open leads as they take"
    with ledger.begin() as session:
        first = desk.rows(session, HANDOFF)[0]
        assert (first.reason, first.path) == (
            "80 points; di: speaks the dialect", "handoff/routing/1",
        )  # fmt: skip
        session.execute(update(REP).where(REP.c.rep == "di").values(paused_at=NOW))
        session.execute(update(REP).where(REP.c.rep == "cy").values(skills="german"))
    arrive(ledger, known, {"country": "CH"}, first=20)
    found = given(ledger)
    assert found[20] == ("bo", "next in turn")
    assert found[4][1] == "nobody of smb who could have it knows enterprise and german"


def test_at_night_the_owner_has_the_lead_at_once_and_the_clock_begins_in_the_morning(
    ledger: Ledger,
) -> None:
    known = desk.set_up(ledger, rules("owner"))
    arrive(ledger, known, of("di"), {}, first=1, now=NIGHT)
    assert given(ledger) == {
        1: ("di", "owns the lead"), 2: ("", "nobody of smb is at work before Tue 09:00"),
    }  # fmt: skip
    with ledger.begin() as session:
        clock = desk.rows(session, CLOCK, rep="di", kind="accept")[0]
        assert clock.due_at == datetime(2026, 3, 3, 12, 0, tzinfo=UTC)  # four hours from nine


def test_the_domain_of_an_address_is_the_companys_or_none(ledger: Ledger) -> None:
    asked = {
        "ann@acme.test": "acme.test", "a.b@gmail.com": "", "x@a@b": "b", "acme.test@acme.test":
        "acme.test", None: "", "": "",
    }  # fmt: skip
    with ledger.begin() as session:
        for key, domain in asked.items():
            value = literal(key, LEAD.c.email_key.type)
            assert session.execute(select(domain_of(value))).scalar() == domain, key
