"""How answers look: one JSON document for programs, tables for people, notes beside them.

On a terminal tables fit its width; elsewhere a row is a line, columns apart by two spaces, so that
other programs can read them.  Text from outside never moves the cursor or colours the screen.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typer


def document(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(as_text(value))


def as_text(value: Any) -> str:
    """A value as a JSON document."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """A value as JSON knows it: instants in ISO 8601, durations in seconds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return str(value)


def say(text: str = "") -> None:
    """A line of the answer."""
    typer.echo(harmless(text, breaks=True))


def note(text: str) -> None:
    """A line beside the answer, on standard error."""
    typer.echo(text, err=True)


def harmless(text: str, *, breaks: bool = False) -> str:
    """Text without control characters and marks that turn the writing direction."""
    if text.isprintable():
        return text
    kept = []
    for letter in text:
        if breaks and letter == "\n":
            kept.append(letter)
        elif unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter not in (
            "\u200c", "\u200d",
        ):  # fmt: skip
            kept.append(" " if letter in "\n\t" else "\N{REPLACEMENT CHARACTER}")
        else:
            kept.append(letter)
    return "".join(kept)


def when(instant: datetime | None, zone: str) -> str:
    """An instant as a clock in `zone` shows it, '' for none."""
    if instant is None:
        return ""
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `2 d 3 h`."""
    minutes = int(length.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    said = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 min"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str = "nothing",
    right: Sequence[str] = (),
) -> None:
    """Print rows under their columns, or the words for no rows."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        say(empty)
    elif sys.stdout.isatty():
        _drawn(columns, cells, right)
    else:
        _lines(columns, cells, right)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    return harmless(str(value))


def _drawn(columns: Sequence[str], rows: list[list[str]], right: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def _lines(columns: Sequence[str], rows: list[list[str]], right: Sequence[str]) -> None:
    from rich.cells import cell_len

    shown = [list(columns), *rows]
    widths = [max(cell_len(row[place]) for row in shown) for place in range(len(columns))]
    for row in shown:
        parts = []
        for name, cell, width in zip(columns, row, widths, strict=True):
            gap = " " * (width - cell_len(cell))
            parts.append(gap + cell if name in right else cell + gap)
        typer.echo("  ".join(parts).rstrip())


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values one below the other; what has no value is left out."""
    told = [(name, _cell(value)) for name, value in pairs]
    told = [(name, value) for name, value in told if value]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        typer.echo(f"{name.ljust(width)}  {value}")


def heading(text: str) -> None:
    """The title of a part of an answer."""
    typer.echo("")
    typer.echo(typer.style(harmless(text), bold=True))


def path(value: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(value.relative_to(Path.cwd()))
    except ValueError:
        return str(value)
