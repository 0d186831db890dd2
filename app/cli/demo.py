"""`nurture demo`: the example month, played and shown."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.options import Json, example

if TYPE_CHECKING:
    from app.demo import Shown

FOLDER = Path("nurture-demo")
TITLES = {"mean late": "late by"}
"""Shorter ones, that the widest table may fit 80 columns."""
CLOCKS = {"first_touch": "first touch", "next_step": "next step"}


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(epilog=example("nurture demo", "nurture demo --open"))(demo)


def demo(
    open_: Annotated[
        bool,
        typer.Option(
            "--open", help="Show the finished story in the browser, read-only; play it if need be."
        ),
    ] = False,
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-w", metavar="DIR", help="Where it plays; made anew."),
    ] = FOLDER,
    as_json: Json = False,
) -> None:
    """Play a month of the example company.

    It takes place on a virtual clock, through the real flows, every run visible in the Prefect UI.
    """
    from app.demo import finished
    from app.settings import read_settings

    folder, settings = workspace.expanduser().resolve(), read_settings()
    if not (open_ and finished(folder)):
        _play(folder, as_json=as_json)
    elif as_json:
        show.document({"folder": folder, "finished": True})
    if open_:
        from app.demo.look import look

        look(folder, settings, say=show.note)


def _play(folder: Path, *, as_json: bool) -> None:
    from app.demo import demo as play
    from app.demo.story import DAYS
    from app.settings import read_settings

    show.note(f"{DAYS} days of Brindlow, an invented company, on a virtual clock (two minutes)")
    with _day_by_day() as at:
        shown = play(folder, read_settings(), say=show.note, at=at)
    if as_json:
        show.document(shown)
    else:
        _story(shown)
    if shown.failures or shown.unseen:
        raise typer.Exit(1)


@contextmanager
def _day_by_day() -> Iterator[Callable[[datetime], None]]:
    """Shows which virtual day it is: in place on a terminal, a line a day elsewhere."""
    if sys.stderr.isatty():
        with _bar() as at:
            yield at
        return
    days: set[date] = set()

    def line(at: datetime) -> None:
        if at.date() not in days:
            days.add(at.date())
            show.note(f"{at:%a %d %b %Y}")

    yield line


@contextmanager
def _bar() -> Iterator[Callable[[datetime], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from app.demo.story import BEGIN, DAYS

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
    )  # fmt: skip
    hour = timedelta(hours=1)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{BEGIN:%a %d %b %Y %H:%M} UTC", total=DAYS * 24)
        yield lambda at: progress.update(
            task, completed=(at - BEGIN) / hour, description=f"{at:%a %d %b %Y %H:%M} UTC"
        )


def _story(shown: Shown) -> None:
    show.say(
        f"{shown.leads} leads from {shown.begins:%d %B} to {shown.ends:%d %B %Y}, "
        f"{shown.ticks} ticks. Mail is in {show.path(shown.folder / '.nurture' / 'maildir')}."
    )
    for table in shown.tables:
        show.heading(table.title)
        numbers = [
            name
            for place, name in enumerate(table.columns)
            if table.rows and all(isinstance(row[place], (int, float)) for row in table.rows)
        ]
        rows = [[_cell(value) for value in row] for row in table.rows]
        names = [TITLES.get(name, name) for name in table.columns]
        show.table(names, rows, empty="None.", right=[*numbers, *TITLES.values()])
    for told in shown.told:
        show.heading(f"{told.title}: {told.lead} (times in UTC)")
        show.table(("when", "what", "happened"), told.lines)
    if shown.unseen:
        show.note(f"nurture: Prefect did not answer for {shown.unseen} ticks: no runs of them")
    for failure in shown.failures:
        show.note(f"nurture: {failure}")
    show.heading("Why each of it happened, and the whole story in the browser:")
    for told in shown.told:
        show.say(f"  {_program()} lead timeline {told.lead} -w {show.path(shown.folder)}")
    place = "" if shown.folder == FOLDER.resolve() else f" -w {show.path(shown.folder)}"
    show.say(f"  {_program()} demo --open{place}")


def _cell(value: Any) -> Any:
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60}:{minutes % 60:02} h"
    return CLOCKS.get(value, value) if isinstance(value, str) else value


def _program() -> str:
    """The program as it can be called from here: its name, or its place when not on the path."""
    called = Path(sys.argv[0])
    return "nurture" if shutil.which("nurture") else show.path(called.absolute())
