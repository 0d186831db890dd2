"""The part both imports share: rows in batches, their columns, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from nurture.ledger.errors import InputRefused
from nurture.ledger.imports import lines
from nurture.ledger.imports.columns import Columns, assign, listed
from nurture.ledger.imports.report import Rejects
from nurture.ledger.imports.rows import Row, csv_rows, jsonl_rows

BATCH = 4_000
"""Rows a transaction: short enough for other writers, long enough to be fast."""
JSONL = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class File:
    """What to read and how."""

    path: Path
    mapping: Mapping[str, str]
    standard: Sequence[str]
    encoding: str
    delimiter: str | None
    needs: Sequence[Sequence[str]]
    """Of each group of fields the file must give at least one."""


@dataclass(frozen=True, slots=True)
class Said:
    """One readable row: the texts of its fields, the values of its own attributes."""

    line: int
    cells: Sequence[Any]
    fields: dict[str, str]
    attributes: dict[str, Any]


def batches(file: File, rejects: Rejects) -> Iterator[tuple[int, list[Said]]]:
    """(rows read, those that can be used) a batch; the others are in the reject file."""
    rows = _json_said(file, rejects) if file.path.suffix in JSONL else _csv_said(file, rejects)
    while batch := list(islice(rows, BATCH)):
        yield len(batch), [row for row in batch if row is not None]


def _csv_said(file: File, rejects: Rejects) -> Iterator[Said | None]:
    rows = csv_rows(file.path, file.encoding, file.delimiter)
    first = next(rows)
    if first.problem:
        raise InputRefused(f"{file.path.name}, line {first.line}: {first.problem}")
    columns = assign(first.cells, file.mapping, file.standard)
    rejects.header = columns.header
    _give_enough(file, columns)
    fields, attributes = list(columns.fields.items()), list(columns.attributes.items())
    for row in rows:
        cells = row.cells
        problem = row.problem or _nul(cells)
        if problem:
            rejects.add(row.line, problem, cells)
            yield None
        else:
            yield Said(
                row.line,
                cells,
                {name: take(cells) for name, take in fields},
                {name: take(cells) for name, take in attributes},
            )


def _give_enough(file: File, columns: Columns) -> None:
    for group in file.needs:
        if not any(field in columns.fields for field in group):
            wanted, ways = (
                " or ".join(group),
                " or ".join(f"--map {field}=COLUMN" for field in group),
            )
            raise InputRefused(
                f"{file.path.name} has no column for {wanted}: say which it is with "
                f"{ways}. Its columns are: {listed(columns.header)}{_MORE.get(group, '')}"
            )


_MORE: dict[Sequence[str], str] = {
    ("email", "external_id"): (
        ". If none of them tells one lead from another, put a column of numbers into the file"
        " first: without one the same file, imported again, could not be known again"
    ),
    ("kind",): ". If all rows are of one kind, name it: --kind email_opened",
}
"""What else helps, by what the file lacks."""


def _nul(cells: Sequence[str]) -> str:
    if any("\0" in cell for cell in cells):
        return "the row holds a NUL character"
    return ""


def _json_said(file: File, rejects: Rejects) -> Iterator[Said | None]:
    known: dict[tuple[str, ...], Columns] = {}
    rejects.header = ("row",)
    for row in jsonl_rows(file.path, file.encoding):
        try:
            yield _object(row, file, known)
        except InputRefused as refusal:
            shown = row.cells[0]
            raw = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
            rejects.add(row.line, str(refusal), [raw])
            yield None


def _object(row: Row, file: File, known: dict[tuple[str, ...], Columns]) -> Said:
    """A JSON object as a row; its texts are cells, other values are attributes as they are."""
    if row.problem:
        raise InputRefused(row.problem)
    found: dict[str, Any] = {k: v for k, v in row.cells[0].items() if v is not None}
    keys = tuple(found)
    if keys not in known:
        if len(known) > 1_000:
            known.clear()
        present = {f: c for f, c in file.mapping.items() if "{" in c or c in keys}
        known[keys] = assign(keys, present, file.standard)
    columns = known[keys]
    texts = [_as_text(value) for value in found.values()]
    values = list(found.values())
    return Said(
        row.line,
        [json.dumps(row.cells[0], ensure_ascii=False)],
        {name: take(texts) for name, take in columns.fields.items()},
        {name: take(values) for name, take in columns.attributes.items()},
    )


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def total_lines(path: Path, encoding: str) -> int:
    """About how many rows there are; the whole file is known to be readable afterwards."""
    return lines.check(path, encoding)
