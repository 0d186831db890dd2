"""`nurture reps …`: who in sales takes leads now; pause one, let one go on."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.instants import instant_in
from app.cli.opening import Opened, opened
from app.cli.options import Json, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="Reps: who takes leads now; pause, resume.")
Rep = Annotated[str, typer.Argument(metavar="REP", help="The rep's name in handoff.yaml.")]


@commands.command("list", epilog=example("nurture reps list", "nurture reps list --json"))
def list_(workspace: Workspace = None, as_json: Json = False) -> None:
    """Every rep: whether new leads come, how many are open, and how many came today."""
    from handoff.routing.roster import roster

    with opened(workspace) as work, work.looking() as session:
        rows = roster(session, now=work.now)
        if as_json:
            return show.document({"reps": rows})
        show.table(
            ("rep", "team", "now", "open", "today", "weight", "skills", "last lead"),
            [
                (
                    row.rep, ", ".join(row.teams), row.said(now=work.now),
                    f"{row.open} of {row.room}",
                    f"{row.today} of {row.per_day}" if row.per_day else str(row.today),
                    row.weight, ", ".join(row.skills), show.when(row.turn_at, work.zone),
                )
                for row in rows
            ],
            empty="No reps: handoff.yaml is not applied yet.",
            right=("weight",),
        )  # fmt: skip
        if rows:
            show.note(f"Until when somebody is off is said in their zone, the rest in {work.zone}.")
    return None


@commands.command(
    epilog=example(
        "nurture reps pause bo", "nurture reps pause bo --until 2026-03-09T09:00 --reason ill"
    )
)
def pause(
    rep: Rep,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="WHEN", show_default=False,
            help="A day, or an instant, in the rep's zone unless it has one; else until resumed.",
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why.")] = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Give a rep no new leads for a while; what they have stays theirs.

    An apply does not undo it.
    """
    from handoff.routing import roster

    with opened(workspace) as work:
        with work.writing() as session:
            zone = _zone(work, rep)
            end = instant_in(until, zone) if until else None
            new = roster.pause(session, rep, until=end, reason=reason, now=work.now)
        said = f" until {show.when(end, zone)} in {zone}" if end else ""
        _answer(rep, "paused", f"{rep} is paused{said}: nothing new comes.", new, as_json)


@commands.command(epilog=example("nurture reps resume bo"))
def resume(rep: Rep, workspace: Workspace = None, as_json: Json = False) -> None:
    """Let a paused rep take leads again."""
    from handoff.routing import roster

    with opened(workspace) as work:
        with work.writing() as session:
            new = roster.resume(session, rep, now=work.now)
        text = f"{rep} takes leads again." if new else f"{rep} was not paused."
        _answer(rep, "resumed", text, new, as_json)


def _answer(rep: str, state: str, text: str, new: bool, as_json: bool) -> None:
    if as_json:
        show.document({"rep": rep, "state": state, "changed": new})
    else:
        show.say(text)


def _zone(work: Opened, rep: str) -> str:
    """The zone of a rep of the applied handoff.yaml, else the workspace's."""
    rules = work.definitions.handoff
    for team in rules.teams.values() if rules else ():
        for each in team.reps:
            if each.rep == rep:
                return each.zone or team.zone
    return work.zone
