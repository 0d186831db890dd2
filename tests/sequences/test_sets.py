"""Passes on sets: statements do not grow with leads, batches, two at once, nothing spins."""

from __future__ import annotations

import threading
from datetime import datetime

from sqlalchemy import func, insert, select, text

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.asking import soonest, together
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import begin_tick, end_tick
from nurture.sequences.advance import advance
from nurture.sequences.enrol import enrol
from nurture.sequences.leave import leave
from nurture.sequences.openings import keep_openings
from nurture.sequences.standing import due_stages, questions
from tests.fixtures_ledger import counting
from tests.sequences.play import Play, at, batches_of

LEAD, ENGAGEMENT, TOUCH, ENROLMENT, MESSAGE, DECISION = (
    table_of(model) for model in (t.Lead, t.Engagement, t.Touch, t.Enrolment, t.Message, t.Decision)
)
EVERYTHING = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}, again: after 1 day}
exit: [{when: {not: {score: {at_least: -5}}}, reason: does not want us}]
goal: {event: demo_booked}
timing: {zone: lead, window: {calendar: office}}
stages:
  - stage: first
    steps:
      - update: {fields: {plan: pro, country: DE}, add_tags: [a], remove_tags: [b]}
      - score: {points: 3, half_life: 5 days}
      - branch:
          - {when: {employees: {at_least: 500}}, steps: [{wait: 3 business hours}]}
          - {when: {score: {at_least: 10}}, steps: [{send: offer}]}
          - {otherwise: [{send: welcome}]}
  - stage: second
    gate: {when: {score: {at_least: 2}}, within: 3 days}
    steps:
      - wait_for: [{event: poked, then: [{send: tips}]}, {event: ordered}]
        within: 2 days
      - branch: [{when: {employees: {at_least: 300}}, steps: [{goto: half}]}]
      - score: 1
      - id: half
        split: {name: half, hold_out: 20, arms: {a: {steps: [{update: {add_tags: half}}]}}}
      - wait: {until: monday, at: "09:00"}
"""


def crowd(play: Play, size: int) -> None:
    """So many leads over three zones, all with a form sent in at the play's now."""
    zones = ("Europe/Berlin", "America/New_York", None)
    now = play.now
    leads = [
        {"email": f"l{n}@example.test", "email_key": f"l{n}@example.test", "created_at": now,
         "updated_at": now, "timezone": zones[n % 3], "attributes": {"employees": n % 7 * 100}}
        for n in range(size)
    ]  # fmt: skip
    forms = [
        {"source": "x", "key": str(n), "kind": "form_submitted", "lead_id": n + 1,
         "occurred_at": now, "received_at": now, "properties": {}}
        for n in range(size)
    ]  # fmt: skip
    touches = [{"lead_id": n + 1, "engagement_id": n + 1} for n in range(size)]
    with play.ledger.begin() as session:
        session.execute(insert(LEAD), leads)
        session.execute(insert(ENGAGEMENT), forms)
        session.execute(insert(TOUCH), touches)


def walk(play: Play, now: datetime, *, owner: str = "me") -> int:
    """The sequence passes of one tick, until nothing is due; how often a pass was called."""
    definitions, ledger, calls = play.definitions(), play.ledger, 0
    with ledger.begin() as session:
        keep_openings(session, definitions, now=now)
        tick = begin_tick(session, now=now, owner=owner).tick_id
    for verb in (leave, enrol):
        with ledger.begin() as session:
            verb(session, definitions, tick=tick, now=now)
    for _ in range(200):
        with ledger.begin() as session:
            stages = due_stages(session, definitions, tick=tick, now=now)
        if not stages or (calls and not _due(ledger, play, now)):
            break
        for stage in stages:
            more = True
            while more:
                calls += 1
                with ledger.begin() as session:
                    more = advance(session, definitions, stage, tick=tick, now=now).more
    with ledger.begin() as session:
        end_tick(session, tick, now=now)
    return calls


def _due(ledger: Ledger, play: Play, now: datetime) -> bool:
    with ledger.begin() as session:
        due = soonest(session, together(questions(play.definitions())))
    return due is not None and due <= now


def rows(play: Play) -> list[tuple[object, ...]]:
    """Where everybody stands, what is planned, and how often what was decided."""
    standing = select(
        ENROLMENT.c.lead_id, ENROLMENT.c.position, ENROLMENT.c.state, ENROLMENT.c.due_at,
        ENROLMENT.c.recheck_at, ENROLMENT.c.reason,
    ).order_by(ENROLMENT.c.lead_id)  # fmt: skip
    planned = select(
        MESSAGE.c.lead_id, MESSAGE.c.step, MESSAGE.c.due_at, MESSAGE.c.allowed_at
    ).order_by(MESSAGE.c.lead_id, MESSAGE.c.step)
    decided = (
        select(DECISION.c.lead_id, DECISION.c.kind, DECISION.c.reason, func.count())
        .group_by(DECISION.c.lead_id, DECISION.c.kind, DECISION.c.reason)
        .order_by(DECISION.c.lead_id, DECISION.c.kind, DECISION.c.reason)
    )
    return [tuple(row) for query in (standing, planned, decided) for row in play.rows(query)]


def test_ten_and_thousands_of_leads_take_the_same_statements(play: Play) -> None:
    play.apply(EVERYTHING)
    crowd(play, 10)
    play.do(lambda s: keep_openings(s, play.definitions(), now=play.now))
    with counting(play.ledger) as few:
        walk(play, at("03-02 10:00"))
    with counting(play.ledger) as few_later:
        walk(play, at("03-04 10:00"))
    play.do(lambda s: [s.execute(table_of(model).delete()) for model in (
        t.Touch, t.ScoreEntry, t.Message, t.Decision, t.Enrolment, t.Change, t.LeadTag,
        t.Engagement, t.Lead)])  # fmt: skip
    if play.ledger.dialect == "postgresql":
        for name in ("lead", "engagement"):
            restart = text(f"ALTER SEQUENCE {name}_id_seq RESTART")
            play.do(lambda s, statement=restart: s.execute(statement))
    play.now = at("03-02 08:00")
    crowd(play, 5_000)
    with counting(play.ledger) as many:
        walk(play, at("03-02 10:00"))
    with counting(play.ledger) as many_later:
        walk(play, at("03-04 10:00"))
    assert play.rows(select(func.count()).select_from(ENROLMENT))[0][0] == 5_000
    assert _asked(many) == _asked(few)
    assert _asked(many_later) == _asked(few_later)


def _asked(statements: list[str]) -> int:
    """How many there were; large working sets are analysed on PostgreSQL, which asks nothing."""
    return sum(not each.startswith("ANALYZE") for each in statements)


def test_small_batches_leave_the_same_rows(play: Play) -> None:
    play.apply(EVERYTHING)
    crowd(play, 25)
    instants = ("03-02 10:00", "03-04 10:00", "03-07 10:00")
    for instant in instants:
        walk(play, at(instant))
    whole = rows(play)
    play.do(lambda s: [s.execute(table_of(model).delete()) for model in (
        t.Touch, t.ScoreEntry, t.Message, t.Decision, t.Enrolment, t.Change, t.LeadTag)]
    )  # fmt: skip
    plain = LEAD.update().values(attributes={}, country="")
    play.do(lambda s: s.execute(plain))
    for n in range(25):
        known = {"employees": n % 7 * 100}
        change = LEAD.update().where(LEAD.c.email == f"l{n}@example.test").values(attributes=known)
        play.do(lambda s, c=change: s.execute(c))
    again = select(ENGAGEMENT.c.lead_id, ENGAGEMENT.c.id)
    play.do(lambda s: s.execute(insert(TOUCH).from_select(["lead_id", "engagement_id"], again)))
    with batches_of(4, play.definitions()):
        calls = [walk(play, at(instant)) for instant in instants]
    assert rows(play) == whole
    assert calls[0] > 6


def test_a_tick_repeated_at_the_same_instant_changes_nothing(play: Play) -> None:
    play.apply(EVERYTHING)
    crowd(play, 20)
    for instant in ("03-02 10:00", "03-03 10:00", "03-05 10:00", "03-09 10:00"):
        outcome = play.tick(instant)
        assert outcome.next_due is None or outcome.next_due > play.now
        before = rows(play)
        again = play.tick()
        assert rows(play) == before
        assert not again.tally


def test_two_ticks_at_once_give_one_result(play: Play) -> None:
    play.apply(EVERYTHING)
    crowd(play, 300)
    failures: list[BaseException] = []
    start = threading.Barrier(2)

    def one(owner: str) -> None:
        try:
            for instant in ("03-02 10:00", "03-04 10:00", "03-07 10:00"):
                start.wait(timeout=60)
                walk(play, at(instant), owner=owner)
        except BaseException as error:
            start.abort()
            failures.append(error)

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert not failures, failures
    enrolled = play.rows(select(func.count(), func.count(ENROLMENT.c.lead_id.distinct())))
    assert enrolled == [(300, 300)]
    doubled = (
        select(DECISION.c.enrolment_id, DECISION.c.kind, DECISION.c.path)
        .group_by(DECISION.c.enrolment_id, DECISION.c.kind, DECISION.c.path)
        .having(func.count() > 1)
    )
    assert play.rows(doubled) == []
    entered = select(func.count()).where(DECISION.c.kind == "entered")
    assert play.rows(entered) == [(300,)]
