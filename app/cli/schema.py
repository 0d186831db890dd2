"""`nurture schema`: what editors need to know of the YAML files."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.opening import chosen
from app.cli.options import Json, Workspace, example, one_of

if TYPE_CHECKING:
    from nurture.language.reading.folder import Kind

FOLDER = ".schema"
EDITOR = Path(".vscode") / "settings.json"


class File(StrEnum):
    """The kinds of YAML file."""

    workspace = "workspace"
    scoring = "scoring"
    handoff = "handoff"
    sequence = "sequence"


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(epilog=example("nurture schema", "nurture schema sequence > sequence.json"))(
        schema
    )


def schema(
    kind: Annotated[
        File | None,
        typer.Argument(
            help="Print the schema of one kind of file: workspace, scoring, handoff, sequence.",
            show_default=False, **one_of(File, "KIND"),
        ),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Write the JSON Schemas of the YAML files for editors, into .schema of the workspace.

    Completion, a tip for every key, and the plainest mistakes marked while you write.
    `nurture init` does it too; do it again after an upgrade.
    """
    from app.settings import read_settings
    from app.wiring import workspace_folder
    from nurture.language.editors.schema import schema_of

    if kind is not None:
        show.document(schema_of(kind.value))
        return
    folder = workspace_folder(chosen(workspace, read_settings()))
    written = write_schemas(folder)
    if as_json:
        show.document({"files": written})
        return
    for name in written:
        show.say(f"wrote {name}")


def write_schemas(folder: Path) -> list[str]:
    """Write the schemas, and tell editors of them unless they have settings already."""
    from nurture.language.editors.schema import FILES, schema_of

    (folder / FOLDER).mkdir(exist_ok=True)
    written = []
    for kind in FILES:
        path = folder / FOLDER / f"{kind}.json"
        path.write_text(_lines(schema_of(kind)), encoding="utf-8")
        written.append(str(path.relative_to(folder)))
    settings = folder / EDITOR
    if not settings.exists():
        settings.parent.mkdir(exist_ok=True)
        known = {_path(kind): files for kind, files in FILES.items()}
        settings.write_text(_lines({"yaml.schemas": known}), encoding="utf-8")
        written.append(str(EDITOR))
    return written


def _path(kind: Kind) -> str:
    return f"./{FOLDER}/{kind}.json"


def _lines(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
