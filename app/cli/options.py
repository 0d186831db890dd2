"""What every command understands, in one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FOLDER = "folder"
AS_JSON = "as_json"
"""Keys of what the group that catches errors has to know of the command (`Context.meta`)."""


def _folder(context: typer.Context, value: Path | None) -> Path | None:
    context.meta[FOLDER] = value
    return value


def _as_json(context: typer.Context, value: bool) -> bool:
    context.meta[AS_JSON] = value
    return value


Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        callback=_folder,
        help="The workspace's folder; else NURTURE_WORKSPACE, else the current folder.",
        show_default=False,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", callback=_as_json, help="One JSON document on standard output."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")]
By = Annotated[
    str, typer.Option("--by", metavar="REP", help="Who says so; else the rep who has the lead.")
]


def example(*lines: str) -> str:
    """The end of a command's help: how it is typed."""
    title = "Examples:" if len(lines) > 1 else "Example:"
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])
