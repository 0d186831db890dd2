"""Every pass of whole ticks takes as many statements for hundreds of leads as for a few dozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, insert, select

from flows import tick, work
from nurture.delivery import claim
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.fixtures_ledger import CALENDARS, counting, empty
from tests.properties.sequences import FLOW, ORDERS, SLOW
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, SCORING, WORKSPACE

LEAD, ENGAGEMENT, TOUCH, ENROLMENT, HANDED, RUNG = (
    table_of(model)
    for model in (t.Lead, t.Engagement, t.Touch, t.Enrolment, t.Handoff, t.Rung)
)
QUIET = """
sequence: quiet
topic: tips
enter: {segment: {all: [{event: page_viewed}, {not: {event: page_viewed, within: 2 days}}]}}
stages:
  - {stage: only, steps: [{update: {fields: {plan: cold}, remove_tags: buyer}}, {wait: 1 day}]}
"""
PASSES = {
    work: ("rescore", "met_by_engagements", "open_handoffs", "assign", "leave", "enrol", "advance",
           "run_clocks", "climb", "sweep"),
    tick: ("look_again", "due_stages"),
    claim: ("hold",),
}  # fmt: skip
LIMITED = SCORING.replace("points: 30,", "points: 30, limit: 60 per day,")
ONE_EACH = HANDOFF.replace("bo@example.test}", "bo@example.test, room: 1}").replace(
    "cy@example.test}", "cy@example.test, room: 1}"
)
LAPSING = ONE_EACH + "    - {after: 4 business hours, recycle: slow}\n"
KINDS = 84
"""As many leads as there are kinds of them: what they are and do repeats every 3, 4, 6 and 7."""
MOMENTS = ("03-02 10:00", "03-02 16:30", "03-03 12:00", "03-05 12:00")


def crowd(play: Play, size: int) -> None:
    """Leads over three zones, numbered from 1, who all do the same every third of them."""
    zones = ("Europe/Berlin", "America/New_York", None)
    now = play.now
    leads = [
        {"id": n, "email": f"l{n}@example.test", "email_key": f"l{n}@example.test",
         "created_at": now, "updated_at": now, "timezone": zones[n % 3],
         "attributes": {"employees": n % 7 * 100}}
        for n in range(1, size + 1)
    ]  # fmt: skip
    with play.ledger.begin() as session:
        session.execute(insert(LEAD), leads)
    tell(play, size, "form_submitted", every=1)
    tell(play, size, "page_viewed", every=3)
    tell(play, size, "page_viewed", every=3)
    tell(play, size, "ordered", every=4)


def tell(play: Play, size: int, kind: str, *, every: int) -> None:
    """Something that every so-manieth lead does now."""
    said = [
        {"source": kind, "key": f"{play.now}-{n}-{play._events}", "kind": kind, "lead_id": n,
         "occurred_at": play.now, "received_at": play.now, "properties": {"order_id": "7"}}
        for n in range(every, size + 1, every)
    ]  # fmt: skip
    play._events += 1
    told = ENGAGEMENT.c.key.endswith(f"-{play._events - 1}")
    new = select(ENGAGEMENT.c.lead_id, ENGAGEMENT.c.id).where(told, ENGAGEMENT.c.source == kind)
    with play.ledger.begin() as session:
        session.execute(insert(ENGAGEMENT), said)
        session.execute(insert(TOUCH).from_select(["lead_id", "engagement_id"], new))


@contextmanager
def counted(play: Play) -> Iterator[dict[str, int]]:
    """The most statements any one run of a pass took; of `advance`, of a stage's."""
    most: dict[str, int] = defaultdict(int)

    def count(name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **values: Any) -> Any:
            with counting(play.ledger) as sent:
                done = verb(*args, **values)
            stage = values.get("stage")
            where = f" {stage.sequence}/{stage.stage}/{sorted(stage.positions)}" if stage else ""
            asked = sum(not each.startswith("ANALYZE") for each in sent)  # of large sets only
            most[name + where] = max(most[name + where], asked)
            return done

        return run

    with ExitStack() as changed:
        for room, names in PASSES.items():
            for name in names:
                verb = count(name, getattr(room, name))
                changed.enter_context(patch.object(room, name, verb))
        yield most


def story(play: Play, size: int) -> dict[str, int]:
    empty(play.ledger, but=CALENDARS)
    play.now, play._events = at("03-02 09:30"), 0
    caps = WORKSPACE.replace("{name: Tips}", "{name: Tips, caps: {per_week: 1}}") + (
        "caps: {per_day: 1, per_week: 2, minimum_gap: 20 hours}\n"
        'quiet_hours: {hours: "20:00-08:00"}\n'
    )
    play.apply(FLOW, SLOW, ORDERS, QUIET, nurture=caps, scoring=LIMITED, handoff=LAPSING)
    crowd(play, size)
    with counted(play) as most:
        for moment in MOMENTS:
            play.now = at(moment)
            tell(play, size, "sales_touched", every=6)
            tell(play, size, "poked", every=2)
            play.tick()
    return dict(most)


def test_no_pass_takes_more_statements_for_more_leads(play: Play) -> None:
    few, many = story(play, KINDS), story(play, 6 * KINDS)
    for table, least in ((ENROLMENT, 500), (HANDED, 150), (RUNG, 150)):
        assert play.rows(select(func.count()).select_from(table))[0][0] >= least
    ran = {name.split()[0] for name in many}
    assert ran == {name for names in PASSES.values() for name in names}
    assert {name: n for name, n in many.items() if n > few.get(name, 0)} == {}
