"""Whose a handoff is, by handoff.yaml; and the inbox asks through the indexes of what is open."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event

from handoff.desk import inbox
from handoff.desk.inbox import Wanted
from handoff.desk.seats import Seat, seat_of, speaker
from handoff.standing import Standing
from nurture.language.files.teams import Person
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk


def known() -> Any:
    said = desk.rules((desk.rep("bo", email="Bo@Example.test"), desk.rep("mia")))
    return desk.definitions(said)


def found(rep: str, *, team: str = "smb", state: str = "offered") -> Standing:
    return Standing(1, 1, team, rep, state, 1, None, None, None, 0)


def test_a_seat_is_known_by_its_address_in_any_spelling() -> None:
    definitions = known()
    bo = seat_of(definitions, "BO@example.TEST")
    assert bo == Seat("bo@example.test", "Bo@example.test", "Bo", ("bo",), ("smb",), ())
    both = seat_of(definitions, "mia@example.test")
    assert both
    assert (both.reps, both.teams, both.managed) == (("mia",), ("smb",), ("smb",))
    for nobody in ("", "bo", "bo@example.test.", "x@example.test", "bo@example.test\n", "\ud800@x"):
        assert seat_of(definitions, nobody) is None, nobody
    assert seat_of(desk.definitions(None), "bo@example.test") is None


@pytest.mark.parametrize(
    ("who", "speaks"),
    [
        ("", ""), ("bo", "bo"), ("BO@example.test", "bo"), ("mia@example.test", "mia"),
        ("dana@example.test", "Dana Ruiz"),
    ],
)  # fmt: skip
def test_who_answers_is_named_by_rep_or_address(who: str, speaks: str) -> None:
    assert speaker(managed(), who) == speaks


@pytest.mark.parametrize(
    ("who", "near"),
    [
        ("boo", " Nearest: bo."), ("Bo", " Nearest: bo."), ("bo@exmple.test", " Nearest: Bo@Exam"),
        ("Dana Ruiz", " Nearest: dana@example.test."), ("Ann Abel", ""), ("\0\u202e", ""),
    ],
)  # fmt: skip
def test_nobody_else_answers_and_the_nearest_is_named(who: str, near: str) -> None:
    with pytest.raises(InputRefused) as refused:
        speaker(managed(), who)
    assert str(refused.value).partition("'.")[2].startswith(near)


def managed() -> Any:
    """With a manager who is no rep."""
    said = desk.rules((desk.rep("bo", email="Bo@Example.test"), desk.rep("mia")))
    manager = Person(name="Dana Ruiz", email="dana@example.test")
    team = said.teams["smb"].model_copy(update={"manager": manager})
    return desk.definitions(said.model_copy(update={"teams": {"smb": team}}))


@pytest.mark.parametrize(
    ("who", "standing", "roles", "speaks"),
    [
        ("bo", found("bo"), {"owner"}, "bo"),
        ("bo", found("bo", state="won"), {"owner"}, "bo"),
        ("bo", found(""), {"taker"}, "bo"),
        ("bo", found("", state="lapsed"), set(), "Bo"),
        ("bo", found("mia"), set(), "Bo"),
        ("bo", found("", team="other"), set(), "Bo"),
        ("mia", found("bo"), {"manager"}, "Mia"),
        ("mia", found(""), {"manager", "taker"}, "mia"),
        ("mia", found("mia"), {"manager", "owner"}, "mia"),
        ("mia", found("bo", team="other"), set(), "Mia"),
    ],
)
def test_what_a_seat_is_to_a_handoff(
    who: str, standing: Standing, roles: set[str], speaks: str
) -> None:
    seat = seat_of(known(), f"{who}@example.test")
    assert seat
    assert seat.roles(standing) == roles
    assert seat.speaks_as(standing) == speaks


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("whose", ["mine", "queue", "teams"])
def test_no_question_walks_through_closed_handoffs(ledger: Ledger, whose: str) -> None:
    said: list[tuple[str, Any]] = []
    seat = Seat("k", "k", "n", ("bo", "cy"), ("smb", "big"), ("smb", "big"))
    everything = Wanted(whose, state="offered", text="x", late=True, waiting=True, team="smb")
    with ledger.begin() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute",
                     lambda _c, _cursor, text, values, *_: said.append((text, values)))  # fmt: skip
        for wanted in (Wanted(whose), everything):
            inbox.urgent(session, seat, wanted, now=NOW, limit=100)
        inbox.count(session, seat, whose, now=NOW)
        inbox.loads(session, seat, now=NOW)
        asked = list(said)
        plans = [
            row[-1]
            for text, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    walks = [line for line in plans if re.match(r"SCAN (handoff|clock|lead)\b", line)]
    assert set(walks) <= {"SCAN handoff USING INDEX handoff_lead"}, "it holds the open ones"
    used = {"mine": "handoff_rep", "queue": "handoff_queue", "teams": "handoff_lead"}
    assert any(used[whose] in line for line in plans)
