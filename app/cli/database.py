"""`nurture db …`: the ledger's tables."""

from __future__ import annotations

import typer

from app.cli import show
from app.cli.options import Json, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="The ledger: bring its tables up to date.")


@commands.command(epilog=example("nurture db upgrade"))
def upgrade(workspace: Workspace = None, as_json: Json = False) -> None:
    """Bring the ledger's tables up to this program; make them where there are none.

    It happens in one transaction: when it fails, the tables are as they were.
    """
    from app.cli.opening import chosen
    from app.settings import read_settings
    from app.wiring import create_ledger, workspace_folder
    from nurture.ledger import schema

    settings = read_settings()
    folder = workspace_folder(chosen(workspace, settings))
    before = create_ledger(folder, settings)
    now = schema.program_revision()
    if as_json:
        show.document({"before": before, "revision": now, "changed": before != now})
    elif before == now:
        show.say(f"The tables are up to date (revision {now}).")
    else:
        show.say(f"The tables are at revision {now} now (before: {before or 'none'}).")


@commands.callback()
def _group() -> None:
    """Keep `upgrade` a command of its own: a lone one would become the group."""
