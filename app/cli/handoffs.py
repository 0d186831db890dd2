"""`nurture handoffs …`: what sales has to do."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import answers, show
from app.cli.answers import Number
from app.cli.opening import Opened, opened
from app.cli.options import Json, Limit, Workspace, example, one_of

if TYPE_CHECKING:
    from sqlmodel import Session

    from handoff.desk.board import ClockRow, HandoffRow
    from handoff.sla.lateness import RunningOut
    from nurture.ledger.tables import FollowUp

commands = typer.Typer(no_args_is_help=True, help="Leads with sales: see them, answer them.")
commands.add_typer(answers.commands)


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


@commands.command("list", epilog=example("nurture handoffs list --team enterprise --state offered"))
def list_(
    state: Annotated[
        list[State] | None, typer.Option(
            "--state", help="Only these; may be repeated.", **one_of(State)
        )
    ] = None,
    team: Annotated[str, typer.Option("--team", help="Only this team's.")] = "",
    rep: Annotated[str, typer.Option("--rep", help="Only this rep's.")] = "",
    late: Annotated[bool, typer.Option("--late", help="Only those past a deadline.")] = False,
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Handoffs with their next deadline, the most urgent first."""
    from handoff.desk.board import handoffs

    with opened(workspace) as work, work.looking() as session:
        states = [each.value for each in state or ()]
        asked: dict[str, Any] = {"states": states, "team": team, "rep": rep, "late": late}
        rows = handoffs(session, now=work.now, **asked, limit=limit)
        if not rows:
            meant(work, team, rep)
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
    from handoff.answering.follow_ups import planned
    from handoff.desk.board import rungs_of

    with opened(workspace) as work, work.looking() as session:
        row = _one(session, work, number)
        rungs, then = rungs_of(session, number), planned(session, number)
        if as_json:
            return show.document(_plain(row) | {"rungs": rungs, "follow_up": then})
        _card(row, work.zone)
        if then is not None:
            show.facts([("then", _then(then, work.zone))])
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


def _then(planned: FollowUp, zone: str) -> str:
    why = f": {planned.dropped}" if planned.dropped else ""
    return f"{planned.sequence} on {show.when(planned.due_at, zone)}, {planned.state}{why}"


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


def _one(session: Session, work: Opened, number: int) -> HandoffRow:
    from handoff.desk.board import handoffs
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
