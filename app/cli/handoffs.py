"""`nurture handoffs …`: what sales has to do, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.instants import instant_in
from app.cli.opening import Opened, opened
from app.cli.options import By, Json, Limit, Workspace, example

if TYPE_CHECKING:
    from sqlmodel import Session

    from handoff.board import ClockRow, HandoffRow, RunningOut
    from handoff.deciding import Answer

commands = typer.Typer(no_args_is_help=True, help="Leads with sales: see them, answer them.")
Number = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The handoff's number.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="WORDS", help="Why; handoff.yaml suggests reasons.")
]


class State(StrEnum):
    """What a handoff can be."""

    offered = "offered"
    accepted = "accepted"
    working = "working"
    rejected = "rejected"
    recycled = "recycled"
    won = "won"
    lost = "lost"
    lapsed = "lapsed"


class Result(StrEnum):
    """What came of a lead."""

    meeting = "meeting"
    opportunity = "opportunity"
    won = "won"
    lost = "lost"


@commands.command("list", epilog=example("nurture handoffs list --team enterprise --state offered"))
def list_(
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only these; may be repeated.")
    ] = None,
    team: Annotated[str, typer.Option("--team", help="Only this team's.")] = "",
    rep: Annotated[str, typer.Option("--rep", help="Only this rep's.")] = "",
    late: Annotated[bool, typer.Option("--late", help="Only those past a deadline.")] = False,
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Handoffs with their next deadline, the most urgent first."""
    from handoff.board import handoffs

    with opened(workspace) as work, work.looking() as session:
        states = [each.value for each in state or ()]
        rows = handoffs(session, now=work.now, states=states, team=team, rep=rep, limit=limit)
        if not rows:
            meant(work, team, rep)
        rows = [row for row in rows if row.late > timedelta()] if late else rows
        if as_json:
            return show.document({"handoffs": [_plain(row) for row in rows]})
        show.table(
            ("id", "lead", "company", "team", "rep", "state", "due", "late"),
            [
                (
                    row.id, row.lead, row.company, row.team, row.rep or "(queue)", row.state,
                    show.when(row.due_at, work.zone), show.span(row.late) if row.late else "",
                )
                for row in rows
            ],
            empty="No handoffs.",
            right=("id",),
        )  # fmt: skip
        if rows:
            show.note(f"Times in {work.zone}.")
    return None


def meant(work: Opened, team: str, rep: str) -> None:
    """Nothing was found: a name nobody has is said; one of the past may have handoffs still."""
    from nurture.calendar.nearest import suggestion
    from nurture.ledger.errors import NotFound

    rules = work.definitions.handoff if team or rep else None
    teams = rules.teams if rules else {}
    reps = [each.rep for one in teams.values() for each in one.reps]
    for kind, name, known in (("team", team, list(teams)), ("rep", rep, reps)):
        if name and name not in known:
            raise NotFound(f"There is no {kind} {name!r}.{suggestion(name, known)}")


@commands.command("show", epilog=example("nurture handoffs show 7"))
def show_(number: Number, workspace: Workspace = None, as_json: Json = False) -> None:
    """One handoff: its lead, its deadlines, and the ladder they climb."""
    from handoff.board import rungs_of

    with opened(workspace) as work, work.looking() as session:
        row = _one(session, work, number)
        rungs = rungs_of(session, number)
        if as_json:
            return show.document(_plain(row) | {"rungs": rungs})
        _card(row, work.zone)
        show.heading("Deadlines")
        show.table(
            ("clock", "rep", "due", "state", "late", "late at work"),
            [
                (clock_name(c), c.rep, show.when(c.due_at, work.zone), c.state,
                 show.span(c.late) if c.late else "",
                 show.span(c.late_open) if c.late_open else "")
                for c in row.clocks
            ],
            empty="No clock runs.",
        )  # fmt: skip
        show.heading("Ladder")
        show.table(
            ("due", "rung", "of", "state", "reason"),
            [(show.when(r.due_at, work.zone), r.action, r.kind.replace("_", " "), r.state, r.reason)
             for r in rungs],
            empty="No rungs.",
        )
        show.note(f"Times in {work.zone}.")
    return None


def clock_name(clock: ClockRow | RunningOut) -> str:
    """`next step`, of later rounds with the number."""
    return clock.kind.replace("_", " ") + (f" {clock.round}" if clock.round > 1 else "")


def _card(row: HandoffRow, zone: str) -> None:
    show.facts(
        (
            ("handoff", row.id),
            ("lead", row.lead),
            ("address", row.email or (f"id:{row.external_id}" if row.external_id else "")),
            ("company", row.company),
            ("team", row.team),
            ("rep", row.rep_name or row.rep or "nobody yet: in the team's queue"),
            ("state", row.state),
            ("why", row.reason),
            ("decided by", row.path),
            ("opened", show.when(row.opened_at, zone)),
            ("waits until", show.when(row.held_until, zone)),
            ("closed", show.when(row.closed_at, zone)),
            ("outcome", row.outcome),
            ("amount", "" if row.amount is None else f"{row.amount:,.10g}"),
        )
    )


@commands.command(epilog=example("nurture handoffs accept 7 --by bo"))
def accept(number: Number, by: By = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Take the lead; out of a team's queue it is taken by the rep named with --by."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.accept(
        s, w.definitions, number, by=by, now=w.now))  # fmt: skip


@commands.command(epilog=example('nurture handoffs reject 7 --reason "not a fit"'))
def reject(
    number: Number, reason: Reason = "", by: By = "", workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Send the lead back, with a reason."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.reject(
        s, w.definitions, number, reason=reason, by=by, now=w.now))  # fmt: skip


@commands.command(epilog=example("nurture handoffs touch 7 --how called"))
def touch(
    number: Number,
    how: Annotated[str, typer.Option("--how", metavar="WORDS", help="Called, mailed, met …")] = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say that sales has been in touch with the lead."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.touch(
        s, w.definitions, number, how=how, by=by, now=w.now))  # fmt: skip


@commands.command(epilog=example("nurture handoffs pause 7 --until 2026-03-09 --reason holidays"))
def pause(
    number: Number,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="WHEN", help="A day, or an instant; in the team's zone unless it has"
            " one.",
        ),
    ],
    reason: Reason = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Wait for the lead: the deadlines stand still.

    They go on with what was left when the lead does something, sales is in touch, or the time is
    over.
    """
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.pause(
        s, w.definitions, number, until=_until(s, w, number, until), reason=reason, by=by,
        now=w.now))  # fmt: skip


def _until(session: Session, work: Opened, number: int, text: str) -> datetime:
    from handoff import standing

    rules = work.definitions.handoff
    team = standing.of(session, number).team
    known = rules.teams.get(team) if rules else None
    return instant_in(text, known.zone if known else work.zone)


@commands.command(epilog=example("nurture handoffs resume 7"))
def resume(number: Number, by: By = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Wait for the lead no more: the deadlines go on with what was left of them."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.resume(
        s, w.definitions, number, by=by, now=w.now))  # fmt: skip


@commands.command(epilog=example("nurture handoffs give 7 mareike"))
def give(
    number: Number,
    to: Annotated[str, typer.Argument(metavar="REP", help="Who gets it.")],
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Hand the lead to a colleague, with deadlines of its own."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.give(
        s, w.definitions, number, to=to, by=by, now=w.now))  # fmt: skip


@commands.command(epilog=example('nurture handoffs recycle 7 --reason "bad timing"'))
def recycle(
    number: Number, reason: Reason = "", by: By = "", workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Back to nurture: not now, rather than not at all."""
    from handoff import answers

    _answer(workspace, as_json, lambda s, w: answers.recycle(
        s, w.definitions, number, reason=reason, by=by, now=w.now))  # fmt: skip


@commands.command(
    epilog=example(
        "nurture handoffs outcome 7 opportunity --amount 12000",
        'nurture handoffs outcome 7 lost --reason "…"',
    )
)
def outcome(
    number: Number,
    result: Annotated[Result, typer.Argument(help="What came of it.")],
    amount: Annotated[
        float | None, typer.Option("--amount", help="What an opportunity, or a deal won, is worth.")
    ] = None,
    reason: Reason = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say what came of the lead: a meeting, an opportunity, won, or lost with a reason."""
    from handoff import outcomes

    _answer(workspace, as_json, lambda s, w: outcomes.outcome(
        s, w.definitions, number, result=result.value, amount=amount, reason=reason, by=by,
        now=w.now)
    )  # fmt: skip


def _answer(
    workspace: Path | None, as_json: bool, give_it: Callable[[Session, Opened], Answer]
) -> None:
    """Write an answer and say what it did; one that came too late ends with 1."""
    with opened(workspace) as work:
        with work.writing() as session:
            answer = give_it(session, work)
        if as_json:
            show.document(answer)
        else:
            show.say(f"Handoff {answer.handoff}: {answer.text}")
        if not answer.done:
            raise typer.Exit(1)


def _one(session: Session, work: Opened, number: int) -> HandoffRow:
    from handoff.board import handoffs
    from nurture.ledger.errors import NotFound

    rows = handoffs(session, now=work.now, handoff=number, limit=1)
    if not rows:
        raise NotFound(f"There is no handoff {number}: nurture handoffs list shows them.")
    return rows[0]


def _plain(row: HandoffRow) -> dict[str, Any]:
    known: dict[str, Any] = show.plain(row)
    clocks = [show.plain(clock) | {"state": clock.state} for clock in row.clocks]
    late = row.late.total_seconds()
    return known | {"due_at": show.plain(row.due_at), "late": late, "clocks": clocks}
