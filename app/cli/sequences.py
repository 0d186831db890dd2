"""`nurture sequences …`: who stands where; stop one and let it go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="Sequences: who stands where; pause, resume.")
Name = Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence's name.")]


@commands.command("list", epilog=example("nurture sequences list"))
def list_(workspace: Workspace = None, as_json: Json = False) -> None:
    """Every applied sequence with the leads in each of its stages."""
    from insight.listing import sequences

    with opened(workspace) as work, work.looking() as session:
        rows = sequences(session, work.definitions)
        if as_json:
            return show.document({"sequences": rows})
        show.table(
            ("sequence", "active", "stages", "ended", "state"),
            [
                (
                    row.sequence,
                    row.active,
                    ", ".join(f"{stage} {count}" for stage, count in row.by_stage.items()),
                    ", ".join(f"{state} {count}" for state, count in sorted(row.ended.items())),
                    f"paused since {show.when(row.paused_since, work.zone)}"
                    + (f": {row.paused_reason}" if row.paused_reason else "")
                    if row.paused_since
                    else "runs",
                )
                for row in rows
            ],
            empty="No sequence is applied.",
            right=("active",),
        )
    return None


@commands.command(epilog=example('nurture sequences pause trial-welcome --reason "wrong prices"'))
def pause(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why.")] = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Stop a sequence: nobody enters, nobody moves, nothing is sent from it."""
    from nurture.sequences import pausing

    with opened(workspace) as work:
        with work.writing() as session:
            new = pausing.pause(session, work.definitions, name, reason=reason, now=work.now)
        _answer(name, "paused", new=new, as_json=as_json)


@commands.command(epilog=example("nurture sequences resume trial-welcome"))
def resume(name: Name, workspace: Workspace = None, as_json: Json = False) -> None:
    """Let a paused sequence go on where everybody stands."""
    from nurture.sequences import pausing

    with opened(workspace) as work:
        with work.writing() as session:
            new = pausing.resume(session, work.definitions, name)
        _answer(name, "running", new=new, as_json=as_json)


@commands.command(epilog=example(
    "nurture sequences enter win-back ann@example.test",
    "nurture sequences enter fair-follow-up --from fair.txt --dry-run",
))  # fmt: skip
def enter(
    name: Name,
    people: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LEAD]...", help="Addresses, or id:<external id>.",
                       show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="One lead a line.", show_default=False),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="KEY", help="Where it counts by one: which.")
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORDS", help="Why, for the timeline.")
    ] = "asked in by command",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Let leads enter a sequence, by the rules of its entry; again changes nothing."""
    from app.entering import enter_leads, listed_in

    if not people and source is None:
        raise typer.BadParameter("name leads, or a file of them: --from FILE", param_hint="LEAD")
    asked = [*(people or ()), *(listed_in(source) if source else ())]
    with opened(workspace) as work, work.writing() as session:
        undo = session.begin_nested()
        rows = enter_leads(
            session, work.definitions, name, asked, key=key, reason=reason, now=work.now
        )
        if dry_run:
            undo.rollback()
    if as_json:
        show.document({"sequence": name, "dry_run": dry_run, "enrolments": show.plain(rows)})
    else:
        show.table(("lead", "became", "why"), [(row.lead, row.state, row.reason) for row in rows],
                   empty="Nobody was named.")  # fmt: skip
    if any(row.state in ("refused", "unknown") for row in rows):
        raise typer.Exit(1)


def _answer(name: str, state: str, *, new: bool, as_json: bool) -> None:
    if as_json:
        show.document({"sequence": name, "state": state, "changed": new})
    else:
        show.say(f"{name} is {state}." if new else f"{name} was {state} already.")
