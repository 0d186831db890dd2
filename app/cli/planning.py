"""`nurture plan` and `nurture rollback`: an edit looked at before it is in force, and undone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from app.changes.planning import Move, Plan, Planned
    from nurture.language.applied.differences import Difference

CHANGES = 3
"""The exit code of `--detailed-exitcode` when something would change."""
STATUS = {"new": "+", "changed": "~", "removed": "-", "shadow": "≈", "shadow ends": "-"}


def register(program: typer.Typer) -> None:
    """Add these commands to the program."""
    program.command(
        epilog=example(
            "nurture plan",
            "nurture plan --output plan.json && nurture apply --plan plan.json",
            "nurture plan --detailed-exitcode --json",
        )
    )(plan)
    program.command(
        epilog=example("nurture rollback trial-welcome", "nurture rollback trial-welcome --to 3")
    )(rollback)


def plan(
    workspace: Workspace = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Keep it for `nurture apply --plan FILE`.",
            show_default=False,
        ),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 3 when something would change.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what an apply would change, and where the leads on their way would go.

    Nothing is changed.
    """
    from app.changes.applying import plan_workspace
    from nurture.ledger.schema import check_unless_empty

    with opened(workspace, need_schema=False) as work:
        check_unless_empty(work.runtime.ledger)
        found = plan_workspace(work.runtime.ledger, work.folder, now=work.now)
    if output is not None:
        output.write_text(show.as_text(document(found)) + "\n", encoding="utf-8")
    if as_json:
        show.document(document(found))
    else:
        tell(found)
    if found.refused or any(each.severity == "error" for each in found.problems):
        raise typer.Exit(1)
    if detailed_exitcode and found.changes:
        raise typer.Exit(CHANGES)


def document(found: Plan) -> dict[str, Any]:
    """A plan as machines read it."""
    return {
        "mark": found.mark,
        "refused": found.refused,
        "changes": show.plain(found.changes),
        "handoffs": show.plain(found.handoffs),
        "problems": [each.as_dict() for each in found.problems],
    }


def mark_in(file: Path) -> str:
    """The mark of a plan that was kept; InputRefused when the file holds none."""
    import json

    from nurture.ledger.errors import InputRefused

    try:
        found = json.loads(file.read_text(encoding="utf-8"))["mark"]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        said = getattr(error, "strerror", None) or "it was not written by `nurture plan --output`"
        raise InputRefused(f"{file} is no plan: {said}.") from error
    return str(found)


def tell(found: Plan) -> None:
    """A plan as people read it."""
    for problem in found.problems:
        show.say(str(problem))
    if found.refused:
        show.say("Nothing can be applied: correct the errors above first.")
        return
    for each in found.changes:
        show.say(f"{STATUS[each.status]} {_title(each)}")
        for difference in each.differences:
            show.say(f"    {_said(difference)}")
        if each.clocks:
            show.say(f"    clocks that run keep what they began with: {_clocks(each.clocks)}")
        if each.starts:
            show.say(f"    {each.starts:,} leads were to enter it after an outcome; they will not")
        if each.moves:
            show.say("    leads on their way:")
        for move in each.moves:
            show.say(f"    {_going(move)}")
    if found.handoffs:
        show.say("open handoffs of reps and teams that are gone:")
    for moved in found.handoffs:
        who = f"{moved.rep or 'nobody yet'} ({moved.team})"
        show.say(f"    {moved.handoffs:>7,} of {who}: to the queue of {moved.to}")
    if not found.changes:
        show.say("Nothing to apply: everything is in force already.")


def _clocks(running: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in running.items())


def _title(each: Planned) -> str:
    named = each.kind in ("sequence", "template")
    name = f"{each.kind} {each.name}" if named else each.kind
    match each.status:
        case "new":
            return f"{name}: version {each.version}, new"
        case "removed":
            return f"{name}: its file is gone; nobody enters, whoever is in it finishes"
        case "shadow":
            beside = f" beside version {each.before}" if each.before else ""
            return f"{name}: version {each.version} runs in shadow{beside}, with no effect"
        case "shadow ends":
            return f"{name}: version {each.version} runs in shadow no more"
        case _:
            return f"{name}: version {each.before} → {each.version}"


def _said(each: Difference) -> str:
    match each.sign:
        case "+":
            return f"+ {each.place}: {each.after}"
        case "-":
            return f"- {each.place}: {each.before}"
        case ">":
            return f"> {each.place}: {each.after}, was {each.before}"
        case _:
            return f"~ {each.place}: {each.before} → {each.after}"


def _going(move: Move) -> str:
    where = f"{move.leads:>7,} of version {move.version} at {move.path} ({move.step})"
    match move.way:
        case "stay":
            return f"{where}: stay on version {move.version}"
        case "exit":
            return f"{where}: leave, {move.why}"
        case _:
            return f"{where}: go to {move.to}, {move.why}"


def rollback(
    name: Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence's name.")],
    to: Annotated[
        int | None,
        typer.Option(
            "--to", min=1, metavar="N", help="The version; else the one before.",
            show_default=False,
        ),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leads on newer versions finish there.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Put an earlier version of a sequence back in its file, and in force.

    Leads on other versions move to the same steps of it.  What it says comes back as a new
    version; its tests stay as they are in the file.
    """
    from app.changes.rolling_back import roll_back

    with opened(workspace) as work:
        done = roll_back(work.runtime.ledger, work.folder, name, to=to, stay=stay, now=work.now)
    if as_json:
        show.document(document(done.plan) | {"file": done.file, "restored": done.restored})
        return
    tell(done.plan)
    show.say(f"{done.file} holds version {done.restored} again, and it is in force.")
