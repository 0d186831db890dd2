"""`nurture brake …`: what waits because too much came at once, and what becomes of it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

commands = typer.Typer(
    no_args_is_help=True, help="Handoffs held because too many came at once: see, release, drop."
)
commands.callback()(lambda: None)


@commands.command("show", epilog=example("nurture brake show", "nurture brake show --json"))
def show_(workspace: Workspace = None, as_json: Json = False) -> None:
    """What the brake holds, by what caused it."""
    from handoff.routing.brake import standing

    with opened(workspace) as work, work.looking() as session:
        rows = standing(session)
        if as_json:
            return show.document({"held": sum(row.held for row in rows), "causes": rows})
        show.table(
            ("cause", "held", "since"),
            [(row.cause, row.held, show.when(row.since, work.zone)) for row in rows],
            empty="The brake holds nothing.",
            right=("held",),
        )
        if rows:
            show.note("Let them go: nurture brake release. Drop them: nurture brake drop REASON.")
    return None


@commands.command(epilog=example("nurture brake release", "nurture brake release --at-most 100"))
def release(
    at_most: Annotated[
        int, typer.Option("--at-most", min=1, metavar="N", help="Only the oldest so many.")
    ] = 2**31,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Let what is held go to sales with the next tick, the oldest first."""
    from handoff.routing import brake

    done = 0
    with opened(workspace) as work:
        while done < at_most:
            with work.writing() as session:
                count = brake.release(session, at_most=at_most - done)
            done += count
            if not count:
                break
    _said("released", done, "go to sales with the next tick", as_json=as_json)


@commands.command(epilog=example('nurture brake drop "the import of Tuesday was wrong"'))
def drop(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why, for the leads' timelines.")],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Drop everything that is held: sales never hears of it.

    The leads keep their score; they may cross the line again once they fell below it.
    """
    from handoff.routing import brake

    done = 0
    with opened(workspace) as work:
        while True:
            with work.writing() as session:
                count = brake.drop(session, reason=reason, now=work.now)
            done += count
            if not count:
                break
    _said("dropped", done, "are dropped", as_json=as_json)


def _said(verb: str, count: int, what: str, *, as_json: bool) -> None:
    if as_json:
        show.document({verb: count})
    elif count:
        show.say(f"{count:,} handoffs that were held {what}.")
    else:
        show.say("The brake holds nothing.")
