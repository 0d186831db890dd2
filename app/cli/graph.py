"""`nurture graph SEQUENCE`: a sequence as a picture, for reviews and for the wall."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.opening import Opened, chosen, opened
from app.cli.options import Json, Workspace, example, one_of

if TYPE_CHECKING:
    from insight.drawing.saying import Picture
    from nurture.language.compiled.graph import Node
    from nurture.ledger import tables


class Format(StrEnum):
    """What a picture can be."""

    mermaid = "mermaid"
    svg = "svg"
    png = "png"
    json = "json"


ENDINGS = {
    ".mmd": Format.mermaid, ".mermaid": Format.mermaid, ".svg": Format.svg, ".png": Format.png,
    ".json": Format.json,
}  # fmt: skip


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(
        epilog=example(
            "nurture graph trial-welcome",
            "nurture graph trial-welcome --output trial-welcome.svg",
            "nurture graph trial-welcome --counts --output today.png",
        )
    )(graph)


def graph(
    name: Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence's name.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Into a file: .svg, .png, .mmd or .json.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Else by the file's ending, else mermaid.", show_default=False,
            **one_of(Format),
        ),
    ] = None,
    counts: Annotated[
        bool,
        typer.Option("--counts", help="How many leads stand at each step, and passed it."),
    ] = False,
    version: Annotated[
        int | None,
        typer.Option(
            "--version",
            min=1,
            metavar="N",
            help="An applied version, not the files.",
            show_default=False,
        ),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Draw a sequence: Mermaid text, SVG or PNG.

    It draws the workspace's files as they are; with --counts the version in force, because
    leads are counted on a version.
    """
    kind = _format(output, format_)
    if kind is Format.png and output is None and not as_json and _terminal():
        raise typer.BadParameter("a PNG is no text: add --output FILE.png", param_hint="--format")
    if counts or version is not None:
        with opened(workspace) as work:
            picture, number = _applied(work, name, version, counts=counts)
    else:
        picture, number = _written(workspace, name), None
    document = _document(picture, number)
    if output is not None:
        _write(output, _drawn(picture, kind, document))
        document["file"] = output
    if as_json:
        show.document(document)
    elif output is not None:
        show.say(f"Wrote {show.path(output)}.")
    else:
        typer.get_binary_stream("stdout").write(_drawn(picture, kind, document))


def _terminal() -> bool:
    return sys.stdout.isatty()


def _format(output: Path | None, format_: Format | None) -> Format:
    if format_ is not None or output is None:
        return format_ or Format.mermaid
    kind = ENDINGS.get(output.suffix.lower())
    if kind is None:
        known = ", ".join(sorted(ENDINGS))
        raise typer.BadParameter(
            f"{output.name!r} does not say what to draw: end it in one of {known}, or add --format",
            param_hint="--output",
        )
    return kind


def _written(workspace: Path | None, name: str) -> Picture:
    """The sequence as its file says it, applied or not."""
    from app.settings import read_settings
    from app.wiring import workspace_folder
    from insight.drawing.saying import Picture
    from nurture.language.applied.loading import as_written
    from nurture.language.checks.validate import validate
    from nurture.language.compiled.graph import graph_of

    checked = validate(workspace_folder(chosen(workspace, read_settings())))
    program = as_written(checked, name)
    mine = {file.path for file in checked.files if checked.name_of(file) == name}
    wrong = [each for each in checked.problems if each.severity == "error" and each.file in mine]
    if wrong:
        show.note(f"{wrong[0].file} cannot be applied as it is: see nurture validate.")
    return Picture(graph_of(program), "As written in the workspace's files")


def _applied(work: Opened, name: str, version: int | None, *, counts: bool) -> tuple[Picture, int]:
    """A version that was applied, with its leads if they are to be counted."""
    from insight.drawing.saying import Picture, notes
    from insight.steps import step_counts
    from nurture.language.applied.loading import load_version
    from nurture.language.compiled.graph import graph_of

    with work.looking() as session:
        program, row = load_version(session, name, version)
        drawn = graph_of(program)
        counted = step_counts(session, program, drawn, now=work.now) if counts else None
        subtitle = _said_of(row, work, counts=counts)
        return Picture(drawn, subtitle, counted, notes(counted)), row.version


def _said_of(row: tables.Definition, work: Opened, *, counts: bool) -> str:
    state = "in force" if row.active else "not in force any more"
    said = f"Version {row.version}, {state}, applied {show.when(row.applied_at, work.zone)}"
    if counts:
        said += f"; leads counted {show.when(work.now, work.zone)}"
    return f"{said} ({work.zone})"


def _drawn(picture: Picture, kind: Format, document: dict[str, Any]) -> bytes:
    if kind is Format.png:
        from insight.drawing.png import png

        return png(picture)
    if kind is Format.svg:
        from insight.drawing.svg import svg

        return svg(picture).encode()
    if kind is Format.mermaid:
        from insight.drawing.mermaid import mermaid

        return mermaid(picture).encode()
    return (show.as_text(document) + "\n").encode()


def _write(file: Path, drawn: bytes) -> None:
    from nurture.ledger.errors import InputRefused

    try:
        file.write_bytes(drawn)
    except OSError as error:
        raise InputRefused(f"{file} cannot be written: {error.strerror}") from error


def _document(picture: Picture, number: int | None) -> dict[str, Any]:
    """For programs: nodes and edges, each with its counts."""
    graph, counts = picture.graph, picture.counts

    def counted(node: Node) -> dict[str, Any]:
        told: dict[str, Any] = show.plain(node)
        return told | ({"leads": show.plain(counts.nodes[node.id])} if counts else {})

    edges = []
    for edge in graph.edges:
        known = {"leads": counts.edges.get((edge.source, edge.target))} if counts else {}
        edges.append(show.plain(edge) | known)
    return {
        "sequence": graph.sequence,
        "description": graph.description,
        "version": number,
        "stages": [
            show.plain(stage) | ({"reached": counts.stages[stage.name]} if counts else {})
            for stage in graph.stages
        ],
        "nodes": [counted(node) for node in graph.nodes],
        "edges": edges,
        "leaving": [counted(node) for node in graph.leaving],
        "notes": picture.notes,
    }
