"""`nurture doctor`: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import show
from app.cli.options import Json, Workspace, example

MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(epilog=example("nurture doctor", "nurture doctor --mail --json"))(doctor)


def doctor(
    mail: Annotated[
        bool, typer.Option("--mail", help="Also knock at the mail server (sends nothing).")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Check that everything is as it should be.

    Machine, ledger, definitions and mail, each with what to do where it is wrong.  Ends
    with 1 when something fails; warnings do not.
    """
    from app.cli.opening import chosen
    from app.clocks import wall_clock
    from app.health import examine
    from app.settings import read_settings
    from app.wiring import workspace_folder

    settings = read_settings()
    folder: Path = workspace_folder(chosen(workspace, settings))
    findings = examine(folder, settings, now=wall_clock(), mail=mail)
    failed = [each for each in findings if each.state == "fail"]
    if as_json:
        show.document({"healthy": not failed, "checks": findings})
    else:
        show.table(
            ("", "check", "found"),
            [(MARKS[each.state], each.check, each.found) for each in findings],
        )
        for each in findings:
            if each.advice:
                show.say()
                show.say(f"{MARKS[each.state]}: {each.check}: {each.advice}")
    if failed:
        raise typer.Exit(1)
