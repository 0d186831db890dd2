"""What every command understands, in one wording."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

Word = TypeVar("Word", bound=StrEnum)

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
States = Annotated[
    list[str] | None, typer.Option("--state", help="Only these; may be repeated.")
]
OneLead = Annotated[str, typer.Option("--lead", metavar="LEAD", help="Only this lead's.")]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="WHO",
        help="Who says so, a rep or an address of handoff.yaml; else the rep who has the lead.",
    ),
]  # fmt: skip


def one_of(words: type[Word], metavar: str = "") -> dict[str, Any]:
    """How an argument or option is read that is one of these words, and shown in the help."""
    names = [each.value for each in words]

    def read(said: str) -> Word:
        known([said], names)
        return words(said)

    shown = metavar or f"[{'|'.join(names)}]"
    return {"parser": read, "metavar": shown, "autocompletion": lambda: names}


def known(said: Iterable[str], names: Collection[str], *, hint: str | None = None) -> None:
    """Wrong usage, with the nearest name, for one there is not."""
    from nurture.calendar.nearest import nearest

    for name in said:
        if name not in names:
            near = nearest(name, list(names), 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise typer.BadParameter(
                f"{name!r} is not known; {meant}one of {', '.join(names)}", param_hint=hint
            )


def example(*lines: str) -> str:
    """The end of a command's help: how it is typed."""
    title = "Examples:" if len(lines) > 1 else "Example:"
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])
