"""The program: every command under its name."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import metadata
from typing import Annotated

import typer

from app.cli import (
    brake,
    channels,
    crm,
    database,
    demo,
    doctor,
    graph,
    handoffs,
    imports,
    inbox,
    lead,
    messages,
    planning,
    report,
    reps,
    route,
    running,
    schema,
    sequences,
    simulate,
    sla,
    testing,
    tokens,
    webhooks,
    workspaces,
)  # fmt: skip
from app.cli.failing import Commands
from app.cli.options import example

program = typer.Typer(
    name="nurture",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=example("nurture init my-company", "nurture demo"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"nurture {metadata.version('nurture')}")
        raise typer.Exit


@program.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Say the version.")
    ] = False,
) -> None:
    """Marketing automation for teams whose sales people follow up leads."""


workspaces.register(program)
planning.register(program)
schema.register(program)
testing.register(program)
simulate.register(program)
running.register(program)
graph.register(program)
demo.register(program)
doctor.register(program)
route.register(program)
inbox.register(program)
for name, group in (
    ("leads", imports.leads),
    ("events", imports.events),
    ("lead", lead.commands),
    ("handoffs", handoffs.commands),
    ("reps", reps.commands),
    ("sla", sla.commands),
    ("brake", brake.commands),
    ("sequences", sequences.commands),
    ("messages", messages.commands),
    ("webhooks", webhooks.commands),
    ("channels", channels.commands),
    ("crm", crm.commands),
    ("report", report.commands),
    ("tokens", tokens.commands),
    ("db", database.commands),
):
    program.add_typer(group, name=name)
imports.leads.callback()(lambda: None)
imports.events.callback()(lambda: None)


def main() -> None:
    """Run `nurture` with the arguments of this process."""
    # A terminal that lacks a letter shows another.
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        program(prog_name="nurture")
    except Exception as error:  # output that cannot be written, before any command runs
        with suppress(OSError, ValueError):
            sys.stderr.write(f"nurture: {type(error).__name__}: {error}\n")
        sys.exit(1)
