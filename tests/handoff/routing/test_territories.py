"""Thousands of rules in one statement say what each of them, asked by itself, says."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, case, literal, select, update
from sqlmodel import Session

from handoff.routing.opening import open_handoffs
from handoff.routing.territories import first_rule
from handoff.tables import HANDOFF, LEAD
from nurture.language.files.teams import Route
from nurture.language.grammar import conditions as c
from nurture.language.sql.predicates import predicate
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.batches import batch, fill, filling
from tests.conditions import drawn
from tests.conditions.people import definitions, people
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

DEFINITIONS = definitions()
TEXTS = st.one_of(
    st.builds(
        lambda name, test: c.FieldTest(name, name != "country", "text", test),
        st.sampled_from(["country", "plan", "größe"]),
        drawn.text_tests,
    ),
    drawn.fields,
)
ROUTINGS = st.lists(drawn.trees(TEXTS), min_size=1, max_size=12)


def one_by_one(session: Session, whens: list[c.Condition]) -> dict[int, int | None]:
    holds = [
        (predicate(when, lead=LEAD.c, definitions=DEFINITIONS, now=NOW), literal(number))
        for number, when in enumerate(whens, start=1)
    ]
    rule = case(*holds, else_=literal(None, Integer()))
    return {row[0]: row[1] for row in session.execute(select(LEAD.c.id, rule))}


def together(session: Session, whens: list[c.Condition]) -> dict[int, int | None]:
    routing = [Route.model_construct(when=when, team="smb") for when in whens]
    found = first_rule(routing, DEFINITIONS, batch, now=NOW)
    return {row[0]: row[1] for row in session.execute(found)}


def test_the_first_rule_that_holds_is_found_whatever_the_rules_ask(ledger: Ledger) -> None:
    with ledger.begin() as session:
        people(session)
        fill(session, filling(select(LEAD.c.id, LEAD.c.id)))

        @settings(
            max_examples=60, deadline=None, derandomize=True,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )  # fmt: skip
        @given(ROUTINGS)
        def check(whens: list[c.Condition]) -> None:
            assert together(session, whens) == one_by_one(session, whens)

        check()
        wide = c.AllOf(
            tuple(
                c.FieldTest(name, True, "text", c.Test("is", tuple(map(str, range(400)))))
                for name in ("plan", "größe", "a.b c")
            )
        )  # as rows these would be 64 million
        assert together(session, [wide]) == one_by_one(session, [wide])


def test_two_thousand_rules_are_one_statement_and_the_first_of_them_decides(
    ledger: Ledger,
) -> None:
    rules = [
        {"when": {"country": f"C{n % 50}", "job_title": f"T{n // 50}"}, "team": "smb",
         "reason": f"territory {n}"}
        for n in range(2000)
    ]  # fmt: skip
    early = {"when": {"any": [{"country": "c7"}, {"company": {"starts_with": "Ex"}}]}}
    routing = [rules[0], early | {"team": "smb", "reason": "early"}, *rules[1:]]
    known = desk.set_up(ledger, desk.rules(routing=[*routing, {"otherwise": "smb"}]))
    desk.episodes(ledger, 4)
    with ledger.begin() as session:
        for lead, values in enumerate(
            (
                {"country": "C49", "job_title": "T39"},
                {"country": "c49", "job_title": "t39", "company": "Example"},
                {"country": "C7", "job_title": "T3"},
                {"country": "C49"},
            ),
            start=1,
        ):
            session.execute(update(LEAD).where(LEAD.c.id == lead).values(**values))
        open_handoffs(session, known, now=NOW)
        said = [row.reason for row in desk.rows(session, HANDOFF)]
        paths = [row.path for row in desk.rows(session, HANDOFF)]
    assert said == [
        "80 points; smb: territory 1999", "80 points; smb: early", "80 points; smb: early",
        "80 points; smb: no other route fits",
    ]  # fmt: skip
    assert paths == [f"handoff/routing/{n}" for n in (2001, 2, 2, 2002)]
