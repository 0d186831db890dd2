"""`nurture sla …`: what runs out next, and past deadlines by corrected calendars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.handoffs import clock_name, meant
from app.cli.instants import instant_in, length_in
from app.cli.opening import opened
from app.cli.options import Json, Limit, Workspace, example

if TYPE_CHECKING:
    from handoff.sla.lateness import RunningOut

commands = typer.Typer(
    no_args_is_help=True, help="Deadlines of sales: what runs out, and what ran out."
)
QUARTER = timedelta(days=92)
_COLUMNS = ("due", "left", "clock", "handoff", "lead", "team", "rep", "state")


@commands.command(epilog=example("nurture sla due --within 4h", "nurture sla due --team smb"))
def due(
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="So far ahead: 4h, 30min, 2d.")
    ] = "1d",
    team: Annotated[str, typer.Option("--team", help="Only this team's.")] = "",
    rep: Annotated[str, typer.Option("--rep", help="Only this rep's.")] = "",
    limit: Limit = 200,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Deadlines that are late or run out soon, the most urgent first, then how many each rep has.

    A handoff may stand here with several.  What waits for its lead is left out.
    """
    from handoff.sla.lateness import running_out

    ahead = length_in(within, option="--within")
    with opened(workspace) as work, work.looking() as session:
        asked = {"team": team, "rep": rep}
        rows = running_out(session, now=work.now, within=ahead, limit=limit, **asked)
        if not rows:
            meant(work, team, rep)
        if as_json:
            people = [
                {"team": of, "rep": who, "late": late, "soon": soon}
                for of, who, late, soon in _people(rows)
            ]
            return show.document({"clocks": show.plain(rows), "people": people})
        show.table(
            _COLUMNS,
            [
                (
                    show.when(row.due_at, work.zone), _left(row.left), clock_name(row),
                    row.handoff, row.lead, row.team, row.rep or "(queue)", row.state,
                )
                for row in rows
            ],
            empty=f"Nothing runs out within {show.span(ahead)}, and nothing is late.",
            right=("handoff",),
        )  # fmt: skip
        if rows:
            show.heading("Who has them")
            having = [(of, who or "(queue)", late, soon) for of, who, late, soon in _people(rows)]
            show.table(("team", "rep", "late", "soon"), having, right=("late", "soon"))
            show.note(f"Times in {work.zone}.")
    return None


@commands.command(epilog=example("nurture sla recompute --since 2026-01-01"))
def recompute(
    since: Annotated[
        str,
        typer.Option("--since", metavar="DAY", help="Clocks started then or later; else 92 days."),
    ] = "",
    limit: Limit = 200,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Judge past deadlines anew by calendars that were corrected since.

    What was judged stays, nothing is told to anybody and no ladder climbs: what the calendars of
    now say is kept beside.  The same calendars give the same answer, however often you ask.
    """
    from handoff.sla.restating import restate

    with opened(workspace) as work:
        begin = instant_in(since, work.zone, option="--since") if since else work.now - QUARTER
        with work.writing() as session:
            done = restate(session, work.definitions, since=begin, now=work.now, limit=limit)
    if as_json:
        return show.document(show.plain(done) | {"since": show.plain(begin)})
    if not done.corrections:
        show.say(f"No calendar has changed under clocks since {show.when(begin, work.zone)}.")
        return None
    for each in done.corrections:
        left = f"; {each.waited} waited for their lead, and stay as they are" if each.waited else ""
        show.say(f"{each.was} → {each.now} ({each.zone}): {each.clocks} clocks{left}")
    columns = ("clocks", "in time then", "in time now")
    lines = [(each.team, clock_word(each.kind), each.clocks, each.then, each.now)
             for each in done.lines]  # fmt: skip
    show.table(("team", "clock", *columns), lines, right=columns)
    show.heading("Judged otherwise")
    show.table(
        ("handoff", "clock", "team", "rep", "due then", "due now", "ended", "now"),
        [
            (
                each.handoff, clock_word(each.kind), each.team, each.rep or "(queue)",
                *(show.when(at, work.zone) for at in (each.due_then, each.due_now, each.ended_at)),
                "in time" if each.kept else "late",
            )
            for each in done.turned
        ],
        empty="None.",
        right=("handoff",),
    )  # fmt: skip
    show.note(f"Times in {work.zone}.")
    return None


def clock_word(kind: str) -> str:
    """A clock as people call it."""
    return kind.replace("_", " ")


def _people(rows: Sequence[RunningOut]) -> list[tuple[str, str, int, int]]:
    """(team, rep, late, soon), who has most late ones first."""
    late = Counter((row.team, row.rep) for row in rows if row.left < timedelta())
    every = Counter((row.team, row.rep) for row in rows)
    found = [(team, rep, late[team, rep], n - late[team, rep]) for (team, rep), n in every.items()]
    return sorted(found, key=lambda each: (-each[2], -each[3], each[0], each[1]))


def _left(left: timedelta) -> str:
    return show.span(left) if left >= timedelta() else f"{show.span(-left)} late"
