"""A workspace of one mail, leads who are due for it, and what a ledger says became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from nurture.calendar.hours import parse_days, parse_hours, weekly
from nurture.delivery.deliver import Round
from nurture.delivery.mails.press import Press
from nurture.delivery.waiting import link_keeper
from nurture.language.compiled.definitions import Definitions, Template
from nurture.language.compiled.program import End, EnterStage, Program, Send
from nurture.language.files.hours import waking_hours
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Caps, QuietHours, Sender, Topic, Workspace
from nurture.language.grammar.conditions import EventTest
from nurture.language.grammar.terms import Entry, Late, Window
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.openings import keep_openings

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OFFICE = "mon-fri 09:00-17:00"
PATH = "hello/a/1"
HTML = (
    "<html><body><h1>Hello {{ lead.first_name }}</h1><p>"
    + "Words to read. " * 20
    + '</p><p>{{ 1 / lead.zero }}</p><a href="{{ unsubscribe_url }}">stop</a></body></html>'
)
MESSAGE = table_of(t.Message)
ENROLMENT = table_of(t.Enrolment)


def definitions(
    *, caps: Caps | None = None, news: Caps | None = None, quiet: str = ""
) -> Definitions:
    """One sequence whose first step sends `hello` about `tips`; `caps` of all mail and of that
    about `news`, and quiet hours."""
    steps = (
        EnterStage(0, "stage:a", "hello/a", "a", 1),
        Send(1, "send:hello#1", PATH, "a", 2, "hello", "tips"),
        End(2, "end", "hello", "a", None, "end of the sequence"),
    )
    entry = Entry(EventTest("form_submitted"), True, "", None, timedelta(days=7), "hello/enter")
    program = Program(
        "hello", 1, "", steps, ("a",), entry, (), None, Window(OFFICE, "lead"),
        Late(timedelta(hours=24), "skip"), False,
    )  # fmt: skip
    workspace = Workspace(
        brand="Example",
        sender=Sender(name="Example", address="news@example.test", postal="1 Road"),
        base_url="http://127.0.0.1:8080",
        zone="Europe/Berlin",
        fields={"zero": "number"},
        topics={"tips": Topic(name="Tips"), "news": Topic(name="News", caps=news or Caps())},
        caps=caps or Caps(),
        quiet_hours=QuietHours(hours=quiet) if quiet else None,
    )
    waking = waking_hours(workspace)
    template = Template("hello", "Hello {{ lead.first_name }}", "", "tips", HTML, "", "h")
    return Definitions(
        workspace=workspace,
        scoring=Scoring(),
        handoff=None,
        handoff_id=0,
        active={"hello": program},
        programs={1: program},
        templates={"hello": template},
        hours={OFFICE: weekly(parse_days("mon-fri"), parse_hours("09:00-17:00"))}
        | dict([waking] if waking else []),
        waking=waking[0] if waking else None,
    )  # fmt: skip


def fill(ledger: Ledger, names: Sequence[str], *, now: datetime = NOW, mails: int = 1) -> None:
    """A lead a name (the local part of its address), each standing behind `mails` due mails.

    Lead, enrolment and, of the first mail, message number n belong to the n-th name.
    """
    leads = [
        {"id": n, "email": f"{name}@example.test", "email_key": f"{name}@example.test",
         "first_name": "Ann", "attributes": {"zero": 1}, "created_at": now, "updated_at": now}
        for n, name in enumerate(names, 1)
    ]  # fmt: skip
    standing = [
        {"id": n, "lead_id": n, "sequence": "hello", "definition_id": 1, "position": 2,
         "stage": "a", "due_at": None, "entered_at": now, "step_at": now, "path": PATH}
        for n in range(1, len(names) + 1)
    ]  # fmt: skip
    waiting = [
        {"kind": "nurture", "enrolment_id": n, "step": "send:hello#1", "occurrence": turn,
         "lead_id": n, "template": "hello", "topic": "tips", "path": PATH, "planned_at": now,
         "due_at": now, "allowed_at": now, "zone": "lead"}
        for turn in range(1, mails + 1)
        for n in range(1, len(names) + 1)
    ]  # fmt: skip
    with ledger.begin() as session:
        session.add(t.Definition(id=1, kind="sequence", name="hello", applied_at=now))
        session.flush()
        session.execute(insert(table_of(t.Lead)), leads)
        session.execute(insert(ENROLMENT), standing)
        session.execute(insert(MESSAGE), waiting)
        keep_openings(session, definitions(), now=now)


def a_round(
    ledger: Ledger,
    *,
    now: datetime = NOW,
    clock: Callable[[], datetime] | None = None,
    crash: Callable[[str], None] = lambda point: None,
    stop: Callable[[], bool] = lambda: False,
    cap: int | None = None,
    rules: Definitions | None = None,
    html: str = HTML,
) -> Round:
    """What `deliver` needs, at the instant `now` unless given a clock that moves."""
    rules = rules or definitions(caps=Caps(per_day=cap))
    rules = replace(rules, templates={"hello": replace(rules.templates["hello"], html=html)})
    press = Press(rules, (b"k" * 32,), link_keeper(ledger))
    return Round(ledger, rules, press, "test", clock or (lambda: now), stop, crash)


def change(ledger: Ledger, number: int | None = None, **values: object) -> None:
    """Write columns of one message, or of all."""
    statement = update(MESSAGE).values(**values)
    with ledger.begin() as session:
        session.execute(statement if number is None else statement.where(MESSAGE.c.id == number))


def suppress(ledger: Ledger, email: str) -> None:
    """The owner of an address wants no more mail."""
    with ledger.begin() as session:
        session.add(t.Suppression(email_key=email, kind="unsubscribed", since=NOW))


def states(ledger: Ledger) -> Counter[str]:
    """How many messages are in which state."""
    with ledger.begin() as session:
        return Counter(session.execute(select(MESSAGE.c.state)).scalars())


def message(ledger: Ledger, number: int) -> t.Message:
    """One message as it stands."""
    with ledger.begin() as session:
        found = session.get(t.Message, number)
        assert found is not None
        return found


def due_enrolments(ledger: Ledger) -> dict[int, datetime | None]:
    """When each enrolment is to be looked at."""
    with ledger.begin() as session:
        rows = session.execute(select(ENROLMENT.c.id, ENROLMENT.c.due_at))
        return {row.id: row.due_at for row in rows}
