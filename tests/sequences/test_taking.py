"""Fields that get a value of the event that let the lead in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.texts import WORKSPACE, sequence

CHANGE = table_of(t.Change).c
HEAD = "enter: {when: {event: ordered}, once_per: id}"
DATED = WORKSPACE.replace("vip: yes_no", "vip: yes_no, since: date, größe: text")


def changes(play: Play) -> list[tuple[str, str, str]]:
    rows = select(CHANGE.field, CHANGE.old, CHANGE.new).order_by(CHANGE.id)
    return [tuple(row) for row in play.rows(rows)]


def ordered(play: Play, field: str, said: Any, **lead: Any) -> Any:
    """What stands in the field after an order with `said` in it."""
    steps = f"- update: {{from_event: {{{field}: it}}}}"
    play.apply(sequence(steps, head=HEAD), nurture=DATED)
    play.lead(**lead)
    play.event("ann", "ordered", id=1, **({} if said is ... else {"it": said}))
    play.tick()
    assert play.state() == "completed"
    row = play.lead_row()
    return row.attributes.get(field) if hasattr(row, "attributes") and field in (
        "plan", "employees", "vip", "since", "größe") else getattr(row, field)


@pytest.mark.parametrize(
    ("field", "said", "new"),
    [
        ("plan", "pro", "pro"),
        ("plan", "  naïve “Größe” 東京\n'x' \\ ", "naïve “Größe” 東京\n'x' \\"),
        ("plan", "y" * 10_000, "y" * 10_000),
        ("größe", "XL", "XL"),
        ("country", "DE", "DE"),
        ("first_name", "Zoë-Ann O'Neil", "Zoë-Ann O'Neil"),
        ("employees", 12, 12),
        ("employees", -0.5, -0.5),
        ("employees", 10**18, 10**18),
        ("vip", True, True),
        ("vip", False, False),
        ("since", "2026-03-12", "2026-03-12"),
        ("since", "2026-03-12T23:30:00-05:00", "2026-03-12"),
    ],
    ids=lambda each: repr(each)[:16],
)
def test_a_field_gets_what_the_event_says(play: Play, field: str, said: Any, new: Any) -> None:
    assert ordered(play, field, said, country="AT", attributes={"other": 1}) == new
    assert play.lead_row().attributes["other"] == 1
    ((name, old, noted),) = changes(play)
    shown = str(new).lower() if isinstance(new, bool) else str(new)
    assert (name, noted) == (field, shown)
    assert old == {"country": "AT", "first_name": "Ann"}.get(field, "")
    assert play.decisions("ann", "update") == []


UNKNOWN, NO_ROOM = "is not known", "cannot stand there"


UNUSABLE: dict[str, list[tuple[Any, str]]] = {
    "plan": [*((said, "is not text") for said in (1, True, [], ["a"], {"a": 1})),
             ("   ", NO_ROOM), ("y" * 10_001, NO_ROOM)],
    "employees": [(said, "is not a number") for said in ("12", True, [1], {"n": 1})],
    "vip": [(said, "is not true or false") for said in ("yes", "true", 1, 0)],
    "since": [(said, "is not a date") for said in ("soon", "2026-13-01", 1773327000, True)],
    "country": [("x" * 201, NO_ROOM)],
    "first_name": [("Ann\nBcc: eve@example.test", NO_ROOM), ("\u202eevil", NO_ROOM)],
    "company": [("a\u200bb", NO_ROOM), ("\x07", NO_ROOM)],
}  # fmt: skip
for _field in ("plan", "employees", "vip", "since", "country"):
    UNUSABLE[_field] += [(said, UNKNOWN) for said in (..., None, "")]


@pytest.mark.parametrize("field", UNUSABLE)
def test_what_cannot_be_used_changes_nothing_and_says_so(play: Play, field: str) -> None:
    """A lead for each value."""
    known = {"plan": "old", "employees": 7, "vip": True, "since": "2026-01-01"}
    own = {"country": "AT", "first_name": "Ann", "company": "Old"}
    play.apply(sequence(f"- update: {{from_event: {{{field}: it}}}}", head=HEAD), nurture=DATED)
    with play.at_once():
        for number, (said, _) in enumerate(UNUSABLE[field]):
            play.lead(f"l{number}", attributes=known, **own)
            more = {} if said is ... else {"it": said}
            play.event(f"l{number}", "ordered", id=1, **more)
    play.tick()
    for number, (said, why) in enumerate(UNUSABLE[field]):
        name = f"l{number}"
        assert play.state(name) == "completed"
        row = play.lead_row(name)
        assert row.attributes == known, said
        assert {each: getattr(row, each) for each in own} == own, said
        told = f"update: it of the event {why}: {field} stays as it is"
        assert play.decisions(name, "update") == [told], said
    assert changes(play) == []


@pytest.mark.parametrize(
    ("field", "said"),
    [("plan", "pro"), ("employees", 12), ("employees", 12.0), ("vip", True), ("country", "DE")],
)
def test_what_stands_there_already_is_no_change(play: Play, field: str, said: Any) -> None:
    known = {"plan": "pro", "employees": 12, "vip": True}
    ordered(play, field, said, country="DE", attributes=known)
    assert changes(play) == []
    assert play.decisions("ann", "update") == []


def test_of_two_orders_at_once_the_newer_counts(play: Play) -> None:
    play.apply(sequence("- update: {from_event: {plan: plan}, add_tags: x}", head=HEAD))
    for name in ("ann", "bob"):
        play.lead(name)
    play.event("ann", "ordered", "03-02 07:50", id=1, plan="newer")
    play.event("ann", "ordered", "03-02 07:40", id=2, plan="older")
    play.event("ann", "ordered", "03-02 07:55", id=3, plan=5)
    play.event("bob", "ordered", "03-02 07:00", id=1, plan="his")
    play.tick()
    assert play.lead_row("ann").attributes == {"plan": "newer"}
    assert play.lead_row("bob").attributes == {"plan": "his"}
    assert sorted(changes(play)) == [("plan", "", "his"), ("plan", "", "newer")]
    why = "update: plan of the event is not text: plan stays as it is"
    assert play.decisions("ann", "update") == [why]


def test_each_field_for_itself_and_beside_plain_ones(play: Play) -> None:
    step = "- update: {fields: {country: DE}, from_event: {plan: plan, employees: size, vip: no}}"
    play.apply(sequence(step, head=HEAD))
    play.lead()
    play.event("ann", "ordered", id=1, plan="pro", size="large", vip=True)
    play.tick()
    row = play.lead_row()
    assert (row.country, row.attributes) == ("DE", {"plan": "pro"})
    assert play.decisions("ann", "update") == [
        "update: size of the event is not a number: employees stays as it is",
        "update: no of the event is not known: vip stays as it is",
    ]


def test_who_was_sent_there_brings_no_value(play: Play) -> None:
    play.apply(
        sequence("- update: {from_event: {plan: plan}}", head=HEAD),
        sequence("- start: flow", name="other"),
    )
    play.lead()
    play.event("ann", "form_submitted", plan="pro")
    play.tick()
    assert play.lead_row().attributes == {}
    why = "update: plan of the event is not known: plan stays as it is"
    assert play.decisions("ann", "update") == [why]
