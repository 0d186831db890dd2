"""`nurture tick` and `up`: the engine at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.instants import clock_at
from app.cli.opening import Opened, chosen, opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from flows.tick import Outcome

SKEW = timedelta(minutes=5)


def register(program: typer.Typer) -> None:
    """Add these commands to the program."""
    program.command(epilog=example("nurture up", "nurture up --workspace my-company"))(up)
    program.command(
        epilog=example("nurture tick", "nurture tick --now 2026-03-02T09:00+01:00 --json")
    )(tick)


def tick(
    now: Annotated[
        str,
        typer.Option(
            "--now",
            metavar="INSTANT",
            help="Rehearse another instant, with its zone (only while mail goes into a folder).",
        ),
    ] = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Do everything that is due, once.

    It runs in this process, without Prefect.  Ends with 1 when a pass failed, or when
    another process has the turn.
    """
    from app.clocks import wall_clock
    from flows.tick import run_tick

    with opened(workspace, clock=clock_at(now)) as work:
        at, runtime = work.now, work.runtime
        if now and _rehearsal(work, at, wall_clock()):
            runtime = replace(runtime, crm=lambda definitions: None)
        outcome = run_tick(runtime, now=at)
        if as_json:
            show.document(_document(outcome))
        else:
            _tell(outcome, work.zone)
    if outcome.failures or outcome.busy:
        raise typer.Exit(1)


def _rehearsal(work: Opened, at: datetime, wall: datetime) -> bool:
    """Whether it is another instant than now, which must not send real mail and reaches no CRM; one
    ahead is said aloud."""
    from nurture.ledger.errors import InputRefused

    if abs(at - wall) <= SKEW:
        return False
    if work.definitions.workspace.delivery.smtp is not None:
        raise InputRefused(
            "--now is for rehearsals, and this workspace sends real mail (delivery.smtp). "
            "Rehearse in a copy of it without smtp."
        )
    if at > wall:
        show.note(
            f"nurture: a rehearsal {show.span(at - wall)} ahead of the clock: what is written "
            "now is dated in the future."
        )
    return True


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "now": show.plain(outcome.now),
        "did": outcome.tally.rows(),
        "failures": list(outcome.failures),
        "busy": outcome.busy,
        "next_due": show.plain(outcome.next_due),
    }


def _tell(outcome: Outcome, zone: str) -> None:
    if outcome.busy:
        show.note("nurture: another process has the turn; nothing was done. Try again in a minute.")
        return
    show.table(
        ("what", "where", "count"),
        [(row["what"], row["where"], row["leads"]) for row in outcome.tally.rows()],
        empty="Nothing was due.",
        right=("count",),
    )
    for failure in outcome.failures:
        show.note(f"nurture: {failure}")
    if outcome.next_due is not None:
        show.say(f"Next: {show.when(outcome.next_due, zone)} ({zone})")
    elif not outcome.failures:
        show.say("Nothing waits for a time to come.")


def up(workspace: Workspace = None, as_json: Json = False) -> None:
    """Run everything, live, until Ctrl-C.

    Scheduler, web app and Prefect UI start together; where to look is printed.  A workspace nothing
    was applied in yet is applied first.  With --json what it said is one document when it has
    stopped.
    """
    from app import logs
    from app.settings import read_settings
    from app.wiring import workspace_folder

    settings = read_settings()
    folder = workspace_folder(chosen(workspace, settings))
    _apply_first(folder)
    said: list[str] = []
    with logs.logging_to(logs.log_file(folder), secrets=settings.secrets()):
        from app.up import up as run

        run(folder, settings, say=said.append if as_json else show.say)
    if as_json:
        show.document({"workspace": folder, "said": said})


def _apply_first(folder: Path) -> None:
    """A fresh workspace is put in force; one that was applied once is left to its owner."""
    from app.changes.applying import apply_workspace
    from nurture.language.text.problems import DefinitionInvalid
    from nurture.ledger.errors import NotFound
    from nurture.ledger.schema import check_unless_empty

    with opened(folder, need_schema=False) as work:
        if not check_unless_empty(work.runtime.ledger):
            try:
                work.runtime.definitions()
            except NotFound:
                pass
            else:
                return
        show.note("nurture: nothing was applied yet; applying the folder as it is")
        applied = apply_workspace(work.runtime.ledger, folder, now=work.now)
        if applied.refused:
            raise DefinitionInvalid(applied.errors)
