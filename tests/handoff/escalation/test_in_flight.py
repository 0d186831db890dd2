"""handoff.yaml edited while leads are with sales: what runs keeps what it was started with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handoff.answering import answers
from handoff.desk import board
from handoff.escalation.leaving import Moved, move_on
from handoff.routing.people import sync_people
from handoff.routing.queues import NEXT_ASSIGNMENT
from handoff.routing.roster import pause
from handoff.tables import CLOCK, HANDOFF, LEAD, MESSAGE, RUNG
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import HOUR, fired, offered, tick


def edited(ledger: Ledger, known: Definitions, rules: HandoffRules) -> Definitions:
    """The workspace after another handoff.yaml was applied."""
    new = replace(known, handoff=rules)
    with ledger.begin() as session:
        sync_people(session, new)
        move_on(session, new, now=NOW)
    return new


def test_a_ladder_edited_in_flight_is_for_clocks_that_start_afterwards(ledger: Ledger) -> None:
    known = offered(ledger, first_touch="100 business hours")
    with ledger.begin() as session:
        before = desk.rows(session, RUNG, "action", "due_at", "path")
    ladder = [{"at": "25%", "remind": "rep"}, {"at": "100%", "recycle": "win-back"}]
    new = edited(ledger, known, desk.rules(ladder=ladder, accept="1 business hour"))
    desk.queue(ledger, 1, first=2)
    tick(ledger, new, NOW)
    with ledger.begin() as session:
        old = [r.id for r in desk.rows(session, CLOCK, handoff_id=1)]
        rungs = desk.rows(session, RUNG, "clock_id", "action", "due_at", "path")
    assert [tuple(r)[1:] for r in rungs if r.clock_id in old] == [tuple(r) for r in before]
    mine = sorted(r.action for r in rungs if r.clock_id not in old)
    assert mine == ["recycle:win-back"] * 2 + ["remind"] * 2
    tick(ledger, new, NOW + 2 * HOUR)
    with ledger.begin() as session:
        states = [row.state for row in desk.rows(session, HANDOFF)]
    assert states == ["offered", "lapsed"]  # the new one ran out within the hour
    assert [action for _, action, _, _ in fired(ledger)] == ["remind"]
    tick(ledger, new, NOW + 6 * HOUR)
    assert fired(ledger)[-1][1:3] == ("give", 1)
    with ledger.begin() as session:
        given = desk.rows(session, CLOCK, handoff_id=1, kind="accept")[-1]
        assert (given.generation, given.allowed) == (3, HOUR)  # whoever has it now goes by the new


def test_a_rung_whose_sequence_channel_or_policy_is_gone_still_ends_well(ledger: Ledger) -> None:
    """`tell` goes to the manager's mail, `recycle` sets the lead free, clocks of the policy run."""
    ladder = [{"at": "50%", "tell": "sales-room"}, {"at": "100%", "recycle": "gone-sequence"}]
    known = offered(ledger, ladder=ladder)
    terms = {"accept": "9 hours", "first_touch": "99 hours", "ladder": "usual"}
    rules = desk.rules(sla={"other": terms})
    team = rules.teams["smb"].model_copy(update={"sla": "other"})
    new = edited(ledger, known, rules.model_copy(update={"teams": {"smb": team}}))
    tick(ledger, new, NOW + 2 * HOUR)
    tick(ledger, new, NOW + 4 * HOUR)
    with ledger.begin() as session:
        assert [r.state for r in desk.rows(session, RUNG) if r.state == "waiting"] == []
        (row,) = desk.rows(session, HANDOFF)
        assert (row.state, row.outcome) == (
            "lapsed", "nobody in sales acted in time: back to nurture"
        )  # fmt: skip
        assert desk.rows(session, LEAD)[0].lifecycle == "recycled"
        told = desk.rows(session, MESSAGE, "recipient", "template", template="manager-late")
        assert told == [("mia@example.test", "manager-late")]
        assert board.next_due(session, now=NOW + 4 * HOUR) is None


def test_a_team_emptied_keeps_its_leads_with_clocks_that_run(ledger: Ledger) -> None:
    """Everybody pauses: what they have stays theirs, what comes waits in the queue, and is late."""
    known = offered(ledger, 3)
    with ledger.begin() as session:
        for name in ("bo", "cy", "di"):
            pause(session, name, until=None, reason="the team closes", now=NOW)
    desk.queue(ledger, 2, first=4)
    tick(ledger, known, NOW)
    with ledger.begin() as session:
        assert desk.held(session) == {"bo": 1, "cy": 1, "di": 1, "": 2}
        queued = [row.id for row in desk.rows(session, HANDOFF) if not row.rep]
        clocks = desk.rows(session, CLOCK, "kind", "rep", handoff_id=queued[0])
        assert clocks == [("accept", "")]
        assert session.execute(NEXT_ASSIGNMENT, {"now": NOW}).scalar() is None
    for hours in (2, 4, 6):
        tick(ledger, known, NOW + hours * HOUR)
    with ledger.begin() as session:
        late = {row.handoff_id for row in desk.rows(session, MESSAGE, template="manager-late")}
        assert late >= set(queued)
        kept = desk.held(session)
    assert sum(kept.values()) == 5


def test_everybody_of_a_team_replaced_at_once(ledger: Ledger) -> None:
    known = offered(ledger, 4)
    with ledger.begin() as session:
        answers.accept(session, known, 1, by="bo", now=NOW)
    smb = [desk.rep("ed"), desk.rep("flo")]
    new = replace(known, handoff=desk.rules(smb))
    with ledger.begin() as session:
        sync_people(session, new)
        moved = move_on(session, new, now=NOW)
    assert moved == [Moved("smb", rep, n, "smb") for rep, n in (("bo", 2), ("cy", 1), ("di", 1))]
    tick(ledger, new, NOW + timedelta(minutes=1))
    with ledger.begin() as session:
        assert desk.held(session) == {"ed": 2, "flo": 2}
        assert {row.state for row in desk.rows(session, HANDOFF)} == {"offered"}
        running = [c for c in desk.rows(session, CLOCK) if not c.met_at and not c.stopped_at]
        assert {c.rep for c in running} == {"ed", "flo"}
