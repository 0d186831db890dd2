"""`nurture leads import` and `nurture events import`: files into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.opening import Opened, opened
from app.cli.options import Json, Workspace, example
from app.cli.progress import counting

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.ledger.imports import ImportReport

leads = typer.Typer(no_args_is_help=True, help="Leads: import them from a file.")
events = typer.Typer(no_args_is_help=True, help="Engagements: import what leads did.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .tsv, .jsonl or .ndjson file.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="Which column a field is in, or a template over columns ({id}@example.test); "
        "may be repeated.",
        show_default=False,
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", help="The file's character encoding.")]
Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", help="What separates columns; else found out.", show_default=False),
]
RejectFile = Annotated[
    Path | None,
    typer.Option(
        "--reject-file",
        metavar="FILE",
        help="Where rejected rows go; else beside it, ending in .rejects.csv.",
        show_default=False,
    ),
]


@leads.command(
    "import",
    epilog=example(
        "nurture leads import leads.csv",
        'nurture leads import crm.csv --map email="E-Mail" --map external_id=Id',
    ),
)
def import_leads_(
    file: File,
    mapping: Map = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    reject_file: RejectFile = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Make or change a lead for every row; repeating it changes nothing.

    Columns named like fields map themselves, all others become attributes.  Rows that cannot be
    taken go into the reject file with line and reason; then the command ends with 1.
    """
    from nurture.ledger.imports import import_leads

    with opened(workspace) as work:
        asked = _Asked(file, mapping, encoding, delimiter, reject_file)
        with counting("rows") as told:
            report = import_leads(
                work.runtime.ledger,
                asked.path,
                mapping=asked.mapping,
                field_types=dict(work.definitions.workspace.fields),
                now=work.now,
                reject_path=asked.rejects,
                progress=told,
                encoding=asked.encoding,
                delimiter=asked.delimiter,
            )
        _answer(report, as_json=as_json, parked=False)


@events.command(
    "import",
    epilog=example(
        "nurture events import engagements.jsonl",
        "nurture events import opens.csv --kind email_opened --map occurred_at=at",
    ),
)
def import_events(
    file: File,
    mapping: Map = None,
    source: Annotated[
        str, typer.Option("--source", help="The source of rows that name none.")
    ] = "import",
    kind: Annotated[
        str, typer.Option("--kind", help="The kind of rows that name none: email_opened.")
    ] = "",
    zone: Annotated[
        str, typer.Option("--zone", help="Whose clock instants without a zone were read from.")
    ] = "",
    create_leads: Annotated[
        bool, typer.Option("--create-leads", help="Make leads of unknown addresses.")
    ] = False,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    reject_file: RejectFile = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Take in an engagement for every row; repeating it adds nothing.

    A row has kind, lead (or email, or external_id) and occurred_at; every other column is a
    property.  Engagements of unknown leads wait until their lead comes.
    """
    from nurture.ledger.imports import import_engagements

    with opened(workspace) as work:
        asked = _Asked(file, mapping, encoding, delimiter, reject_file)
        with counting("rows") as told:
            report = import_engagements(
                work.runtime.ledger,
                asked.path,
                mapping=asked.mapping,
                now=work.now,
                reject_path=asked.rejects,
                create_leads=create_leads or _may_create(work, source),
                source=source,
                kind=kind,
                zone=_zone(zone),
                progress=told,
                encoding=asked.encoding,
                delimiter=asked.delimiter,
            )
        _answer(report, as_json=as_json, parked=True)


class _Asked:
    """What was said on the command line, checked."""

    def __init__(
        self,
        path: Path,
        mapping: list[str] | None,
        encoding: str,
        delimiter: str | None,
        rejects: Path | None,
    ) -> None:
        from nurture.ledger.errors import InputRefused

        self.path = path.expanduser()
        if not self.path.is_file():
            what = "is a folder" if self.path.is_dir() else "is not there"
            raise InputRefused(f"{path} {what}: name a .csv or .jsonl file.")
        self.mapping = mapping_of(mapping or [])
        self.encoding = _encoding(encoding)
        self.delimiter = _delimiter(delimiter)
        self.rejects = rejects or self.path.with_suffix(".rejects.csv")
        if self.rejects.resolve() == self.path.resolve():
            raise InputRefused(f"The reject file {rejects} is the file to import: name another.")
        if not self.rejects.parent.is_dir():
            raise InputRefused(f"There is no folder {self.rejects.parent} for the reject file.")


def mapping_of(pairs: list[str]) -> dict[str, str]:
    """What `--map` says: field → column; wrong usage when it says no such thing."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        field, column = field.strip(), column.strip()
        if not equals or not field or not column:
            raise typer.BadParameter(
                f"{pair!r} is not FIELD=COLUMN, such as email=E-Mail", param_hint="--map"
            )
        if field in mapping:
            raise typer.BadParameter(f"{field} is mapped twice", param_hint="--map")
        mapping[field] = column
    return mapping


def _encoding(name: str) -> str:
    import codecs

    try:
        return codecs.lookup(name).name
    except LookupError:
        hint = "try utf-8, cp1252 or utf-16"
        raise typer.BadParameter(
            f"{name!r} is no encoding; {hint}", param_hint="--encoding"
        ) from None


def _delimiter(text: str | None) -> str | None:
    if text in ("tab", r"\t"):
        return "\t"
    if text is not None and len(text) != 1:
        raise typer.BadParameter(
            f"{text!r} is not one character; write ',' ';' or tab", param_hint="--delimiter"
        )
    return text


def _zone(name: str) -> ZoneInfo | None:
    from zoneinfo import ZoneInfo

    from nurture.calendar.nearest import nearest

    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        from zoneinfo import available_timezones

        near = nearest(name, sorted(available_timezones()), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"{name!r} is no time zone{hint}", param_hint="--zone") from None


def _may_create(work: Opened, source: str) -> bool:
    return source in work.definitions.workspace.intake.may_create_leads


def _answer(report: ImportReport, *, as_json: bool, parked: bool) -> None:
    if as_json:
        show.document(_document(report, parked=parked))
    else:
        waiting = [("waiting for their lead", report.parked)] if parked else []
        show.facts(
            [
                ("read", f"{report.read:,}"),
                ("imported", f"{report.imported:,}"),
                *([] if parked else [("updated", f"{report.updated:,}")]),
                ("unchanged", f"{report.unchanged:,}"),
                *[(name, f"{count:,}") for name, count in waiting],
                ("rejected", f"{report.rejected:,}"),
            ]
        )
        if report.reject_file:
            show.say(f"The rejected rows, with reasons, are in {report.reject_file}")
    if report.rejected:
        raise typer.Exit(1)


def _document(report: ImportReport, *, parked: bool) -> dict[str, Any]:
    counts = {
        "read": report.read,
        "imported": report.imported,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "reject_file": report.reject_file,
    }
    return counts | ({"parked": report.parked} if parked else {})
