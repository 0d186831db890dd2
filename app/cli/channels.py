"""`nurture channels …`: how sales is told beside mail, and whether that works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from datetime import datetime

commands = typer.Typer(no_args_is_help=True, help="Channels of notices: how they are; try one.")
commands.callback()(lambda: None)


@commands.command("list", epilog=example("nurture channels list", "nurture channels list --json"))
def list_(workspace: Workspace = None, as_json: Json = False) -> None:
    """Every channel, what it speaks to, which teams use it, and how it is.

    Makes no connection, and shows no address.
    """
    from app.telling.channels import channels

    with opened(workspace) as work, work.looking() as session:
        rows = channels(session, work.definitions, work.settings)
        if as_json:
            return show.document({"channels": rows})
        show.table(
            ("channel", "speaks to", "teams", "state", "reason"),
            [
                (row.name, row.service, ", ".join(row.teams), _state(row.down_since, row.trouble,
                 work.zone), row.trouble or row.reason)
                for row in rows
            ],
            empty="No channels: sales is told by mail.",
        )  # fmt: skip
    return None


def _state(down_since: datetime | None, trouble: str, zone: str) -> str:
    if trouble:
        return "not set up"
    return f"out of order since {show.when(down_since, zone)}" if down_since else "well"


@commands.command("test", epilog=example("nurture channels test slack-enterprise"))
def try_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A channel of nurture.yaml.")],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Send one notice through a channel now, and say what came of it.

    Ends with 1 when it was not taken.  Changes nothing in the ledger.
    """
    from app.telling.channels import try_channel

    with opened(workspace) as work:
        answer = try_channel(work.runtime, name, now=work.now)
        taken = answer.verdict == "done"
        if as_json:
            show.document({"channel": name, "taken": taken, "reason": answer.reason})
        else:
            show.say(f"{name}: {'taken' if taken else f'not taken: {answer.reason}'}")
    if not taken:
        raise typer.Exit(1)
