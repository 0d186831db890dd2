"""Every episode becomes one handoff, routed by the first rule that holds, with its reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert, update

from handoff.routing.opening import open_handoffs
from handoff.routing.people import sync_people
from handoff.tables import EPISODE, HANDOFF, LEAD, MEMBER, REP
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk

ROUTING = [
    {"when": {"country": "DE"}, "team": "east", "reason": "wants to be called in German"},
    {"when": {"country": ["DE", "AT"]}, "team": "smb"},
    {"otherwise": "smb"},
]


def two_teams(**values: object) -> HandoffRules:
    east = {
        "manager": {"name": "Eva", "email": "eva@example.test"},
        "zone": "Asia/Tokyo", "calendar": "office", "sla": "standard", "reps": [desk.rep("ed")],
    }  # fmt: skip
    return HandoffRules.model_validate(
        {
            "teams": {
                "smb": {
                    "manager": {"name": "Mia", "email": "mia@example.test"},
                    "zone": desk.BERLIN, "calendar": "office", "sla": "standard",
                    "reps": [desk.rep("bo")],
                },
                "east": east,
            },
            "routing": ROUTING,
            "sla": {
                "standard": {"accept": "4 hours", "first_touch": "8 hours", "ladder": "usual"}
            },
            "ladders": {"usual": [{"at": "50%", "remind": "rep"}]},
        }
        | values
    )  # fmt: skip


def test_the_first_rule_that_holds_decides_and_says_why(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    desk.episodes(ledger, 3)
    with ledger.begin() as session:
        session.execute(update(LEAD).where(LEAD.c.id == 1).values(country="DE"))
        session.execute(update(LEAD).where(LEAD.c.id == 2).values(country="AT"))
        tally = open_handoffs(session, known, now=NOW)
        assert tally.total("handoffs opened") == 3
        found = [(r.team, r.reason, r.path, r.state, r.rep) for r in desk.rows(session, HANDOFF)]
    assert found == [
        (
            "east", "80 points; east: wants to be called in German", "handoff/routing/1",
            "offered", "",
        ),
        ("smb", "80 points; smb: country is DE or AT", "handoff/routing/2", "offered", ""),
        ("smb", "80 points; smb: no other route fits", "handoff/routing/3", "offered", ""),
    ]  # fmt: skip


def test_a_team_named_by_a_sequence_is_kept_unless_it_is_gone(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    cause = {"cause": "sequence:trial", "reason": "finished", "path": "trial/decision/1"}
    desk.episodes(ledger, 1, team="east", **cause)
    desk.episodes(ledger, 1, first=2, team="dissolved", **cause)
    with ledger.begin() as session:
        open_handoffs(session, known, now=NOW)
        found = [(r.team, r.reason, r.path) for r in desk.rows(session, HANDOFF)]
    assert found == [
        ("east", "finished", "trial/decision/1"),
        ("smb", "finished; smb: no other route fits", "handoff/routing/3"),
    ]


def test_no_lead_stays_unrouted(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams(routing=ROUTING[:1]))
    desk.episodes(ledger, 1)
    with ledger.begin() as session:
        open_handoffs(session, known, now=NOW)
        row = desk.rows(session, HANDOFF)[0]
    assert row.team == "smb"
    assert row.reason == "80 points; no routing rule holds, so the first team, smb"


def test_an_episode_gets_one_handoff_whatever_happens_to_it(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    desk.episodes(ledger, 2)
    with ledger.begin() as session:
        session.execute(update(EPISODE).where(EPISODE.c.id == 1).values(closed_at=NOW))
        open_handoffs(session, known, now=NOW)
        before = desk.everything(session)
        assert not open_handoffs(session, known, now=NOW)
        assert desk.everything(session) == before
        assert len(before["handoff"]) == 2


def test_many_open_in_as_many_statements_as_few(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    desk.episodes(ledger, 10)
    with counting(ledger) as few, ledger.begin() as session:
        open_handoffs(session, known, now=NOW)
    desk.episodes(ledger, 5000, first=100)
    with counting(ledger) as many, ledger.begin() as session:
        open_handoffs(session, known, now=NOW)
    assert desk.told(many) == desk.told(few) == 5
    with ledger.begin() as session:
        assert len(desk.rows(session, HANDOFF, "id")) == 5010


def test_two_processes_open_each_handoff_once(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    desk.episodes(ledger, 200)

    def work(_: int) -> None:
        with ledger.begin() as session:
            open_handoffs(session, known, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with ledger.begin() as session:
        assert len(desk.rows(session, HANDOFF, "id")) == 200


def test_a_removed_rep_turns_inactive_and_keeps_the_turn(ledger: Ledger) -> None:
    desk.set_up(ledger, desk.rules())
    with ledger.begin() as session:
        session.execute(update(REP).values(turn_at=NOW))
        sync_people(session, desk.definitions(desk.rules([desk.rep("cy", room=3)])))
        found = {r.rep: (r.active, r.room, r.turn_at) for r in desk.rows(session, REP)}
        assert found == {"bo": (False, 25, NOW), "cy": (True, 3, NOW), "di": (False, 25, NOW)}
        assert [row.rep for row in desk.rows(session, MEMBER)] == ["cy"]


def test_a_lead_with_sales_is_not_offered_to_a_second_rep(ledger: Ledger) -> None:
    known = desk.set_up(ledger, two_teams())
    desk.episodes(ledger, 2)
    with ledger.begin() as session:
        first, second = desk.rows(session, EPISODE, "lead_id", "opened_at")
        for cause, row in (("threshold:hotter", first), ("sequence:trial", second)):
            values = {"cause": cause, "lead_id": row.lead_id, "opened_at": row.opened_at}
            session.execute(insert(EPISODE).values(reason="90 points", **values))
        tally = open_handoffs(session, known, now=NOW)
    assert tally.total("handoffs opened") == tally.total("with sales already") == 2
    with ledger.begin() as session:
        assert [row.lead_id for row in desk.rows(session, HANDOFF, "lead_id")] == [1, 2]
        passed = [row.reason for row in desk.rows(session, EPISODE) if "already" in row.reason]
        assert passed == ["90 points; is with sales already"] * 2
        before = desk.everything(session)
        assert not open_handoffs(session, known, now=NOW)
        assert desk.everything(session) == before
