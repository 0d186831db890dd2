"""A condition as SQL says the same as in plain Python, on both databases, for every lead."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, func, literal, select
from sqlmodel import Session

from nurture.language.grammar import conditions as c
from nurture.language.sql.occurrences import Entering, event_matches
from nurture.language.sql.plain_text import PlainText
from nurture.language.sql.predicates import next_change, predicate
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Instant
from tests.conditions import drawn
from tests.conditions.people import Person, definitions, people
from tests.conditions.reference import any_type, day_of, holds, of_day
from tests.fixtures_ledger import NOW, make_engagement, make_lead

LEAD = table_of(t.Lead)
DEFINITIONS = definitions()
SINCE = st.sampled_from([None, NOW - timedelta(hours=24), NOW - timedelta(hours=1)])
MANY = settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def many(ledger: Ledger) -> settings:
    """What is drawn on SQLite, and the first of it on PostgreSQL: writing SQL is most of the work,
    and how it is written differs between the two in a few words."""
    return MANY if ledger.dialect == "sqlite" else settings(MANY, max_examples=60)


ENTERING = Entering(
    literal(None, BigInteger()),
    literal(NOW, Instant()),
    lambda name: func.nullif(PlainText.at(LEAD.c.attributes, name), "")
)
"""As if the lead's own fields were properties of the event that let it in."""


def matched(
    session: Session, condition: c.Condition, now: datetime = NOW, since: datetime | None = None
) -> set[int]:
    bound = None if since is None else literal(since, Instant())
    test = predicate(condition, definitions=DEFINITIONS, now=now, since=bound, entering=ENTERING)
    told = list(session.execute(select(LEAD.c.id, test)))
    assert all(value is not None for _, value in told), "a predicate is never NULL"
    found = set(session.execute(select(LEAD.c.id).where(test)).scalars())
    assert found == {number for number, value in told if value}
    return found


def test_every_condition_means_the_same_in_sql_and_in_python(ledger: Ledger) -> None:
    with ledger.begin() as session:
        everybody = people(session)

        @MANY
        @given(drawn.anything, SINCE)
        def check(condition: c.Condition, since: datetime | None) -> None:
            wanted = {who.id for who in everybody if holds(condition, who, NOW, since)}
            assert matched(session, condition, since=since) == wanted

        check()


def test_nothing_changes_by_time_alone_before_the_next_change(ledger: Ledger) -> None:
    with ledger.begin() as session:
        everybody = people(session)
        for who in everybody:  # what comes later touches the lead by itself
            who.events = [event for event in who.events if event[1] <= NOW]

        @many(ledger)
        @given(drawn.timely, SINCE)
        def check(condition: c.Condition, since: datetime | None) -> None:
            bound = None if since is None else literal(since, Instant())
            found = next_change(
                condition, definitions=DEFINITIONS, now=NOW, since=bound, entering=ENTERING
            )
            if found is None:
                return
            instants = dict(list(session.execute(select(LEAD.c.id, found))))
            for who in everybody:
                _is_steady(condition, who, since, instants[who.id])

        check()


def _is_steady(
    condition: c.Condition, who: Person, since: datetime | None, until: datetime | None
) -> None:
    before = holds(condition, who, NOW, since)
    if until is None:
        looks = [NOW + timedelta(days=days) for days in (1, 3, 40, 400)]
    else:
        looks = [NOW + (until - NOW) * part / 10 for part in range(1, 10)]
        looks.append(until - timedelta(microseconds=1))
    if any(each in repr(condition) for each in ("ScoreTest", "GradeTest")):
        # a score may be looked at up to 15 minutes late
        looks = [at for at in looks if at >= NOW + timedelta(minutes=15)]
    for at in looks:
        assert holds(condition, who, at, since) == before, (condition, at, until)


def test_a_within_runs_out_at_the_very_instant_next_change_names(ledger: Ledger) -> None:
    twice = c.EventTest("page_viewed", within=timedelta(days=2), at_least=2)
    with ledger.begin() as session:
        lead = make_lead(session)
        for hours in (1, 5, 30):
            make_engagement(
                session, lead, key=str(hours), occurred_at=NOW - timedelta(hours=hours)
            )
        found = next_change(twice, definitions=DEFINITIONS, now=NOW)
        assert found is not None
        instant = session.execute(select(found).select_from(LEAD)).scalar_one()
        assert instant == NOW + timedelta(hours=43)
        assert matched(session, twice, now=instant - timedelta(microseconds=1)) == {lead.id}
        assert matched(session, twice, now=instant) == set()


def test_conditions_about_fields_never_depend_on_time() -> None:
    country = c.FieldTest("country", False, "text", c.Test("is", ("DE",)))
    tested = c.AllOf((country, c.Not(c.TagTest(("smb",))), c.EventTest("page_viewed")))
    assert next_change(tested, definitions=DEFINITIONS, now=NOW) is None


def test_a_fading_score_is_asked_about_until_it_has_crossed_the_line(ledger: Ledger) -> None:
    hot = c.ScoreTest("score", c.Test("at_least", (50,)))
    with ledger.begin() as session:
        lead = make_lead(session)
        session.add(
            t.ScoreEntry(lead_id=lead.id, points=100.0, half_life=timedelta(days=10), at=NOW)
        )
        session.flush()
        at, looks = NOW, 0
        while matched(session, hot, now=at):
            found = next_change(hot, definitions=DEFINITIONS, now=at)
            at = session.execute(select(found).select_from(LEAD)).scalar_one()  # type: ignore[arg-type]
            looks += 1
        assert NOW + timedelta(days=10) <= at <= NOW + timedelta(days=10, minutes=15)
        assert looks < 12
        gone = next_change(hot, definitions=DEFINITIONS, now=at)
        assert session.execute(select(gone).select_from(LEAD)).scalar_one() is None  # type: ignore[arg-type]


def test_a_condition_can_be_asked_of_another_name_of_the_lead_table(ledger: Ledger) -> None:
    other = LEAD.alias("other")
    viewed = c.EventTest("page_viewed")
    with ledger.begin() as session:
        ann, _bo = make_lead(session), make_lead(session, "bo@example.test")
        make_engagement(session, ann)
        test = predicate(viewed, lead=other.c, definitions=DEFINITIONS, now=NOW)
        pairs = select(LEAD.c.id, other.c.id).where(LEAD.c.id != other.c.id, test)
        assert [pair[1] for pair in session.execute(pairs)] == [ann.id]
        by_class = predicate(viewed, lead=t.Lead, definitions=DEFINITIONS, now=NOW)
        assert session.execute(select(t.Lead.email).where(by_class)).scalars().all() == [ann.email]


@MANY
@given(drawn.property_tests, st.sampled_from(["email", "größe"]))
def test_drawn_tests_are_of_forms_the_reference_knows(test: c.Test, name: str) -> None:
    assert any_type(None, test) in (True, False), name


def test_an_engagement_is_matched_by_kind_and_properties(ledger: Ledger) -> None:
    event = c.EventTest("email_clicked", where=(("email", c.Test("is", ("why-us",))),))
    engagement = table_of(t.Engagement)
    with ledger.begin() as session:
        lead = make_lead(session)
        yes = make_engagement(session, lead, "email_clicked", properties={"email": "Why-Us"})
        make_engagement(session, lead, "email_clicked", key="2", properties={"email": "other"})
        make_engagement(session, lead, "email_opened", properties={"email": "why-us"})
        found = select(engagement.c.id).where(event_matches(event, engagement.c))
        assert session.execute(found).scalars().all() == [yes.id]


def test_number_tests_survive_what_is_not_a_number(ledger: Ledger) -> None:
    test = c.FieldTest("employees", True, "number", c.Test("at_least", (500,)))
    values = ["500", "many", "", None, True, [900], {"n": 900}, 10**18, 499.5]
    with ledger.begin() as session:
        for number, value in enumerate(values):
            make_lead(session, f"l{number}@example.test", attributes={"employees": value})
        make_lead(session, "none@example.test", attributes={})
        assert len(matched(session, test)) == 1
        assert len(matched(session, c.Not(test))) == len(values)


@pytest.mark.parametrize("operator", ["before", "after", "within"])
def test_a_test_of_a_date_draws_its_line_between_two_days(ledger: Ledger, operator: Any) -> None:
    today = NOW.date()
    with ledger.begin() as session:
        days = {}
        for off in range(-3, 4):
            day = (today + timedelta(off)).isoformat()
            days[make_lead(session, f"d{off}@example.test", attributes={"day": day}).id] = day
        for given_ in (-2, -1, 0, 1, 2, *((today.isoformat(),) if operator != "within" else ())):
            test = c.Test(operator, (given_,))
            found = matched(session, c.FieldTest("day", True, "date", test))
            assert found == {n for n, day in days.items() if of_day(day_of(day), test, today)}
