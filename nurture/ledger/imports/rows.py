"""The rows of a CSV or JSONL file, each with its line, also those that cannot be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nurture.ledger.errors import InputRefused
from nurture.ledger.imports.lines import lines

LONGEST_CELL = 32_768
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, or why it could not be read (then `cells` is what stood there)."""

    line: int
    cells: list[Any]
    problem: str = ""


class _Source:
    """Lines for the csv reader that remembers those of the record being read."""

    def __init__(self, found: Iterator[str]) -> None:
        self.found = found
        self.again: list[str] = []
        self.pending: list[str] = []
        self.number = 0

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        line = self.again.pop() if self.again else next(self.found)
        self.pending.append(line)
        self.number += 1
        return line

    def begin(self) -> int:
        """A record begins: the number of its first line."""
        self.pending.clear()
        return self.number + 1

    def resume_after_first(self) -> str:
        """Take the record's other lines back to be read again; returns its first."""
        first, rest = self.pending[0], self.pending[1:]
        self.again.extend(reversed(rest))
        self.number -= len(rest)
        return first


def csv_rows(path: Path, encoding: str, delimiter: str | None) -> Iterator[Row]:
    """The header, then every row; a quote that never closes costs its own line and no other.

    Raises InputRefused when there is no header.  Blank lines are passed over.
    """
    source = _Source(lines(path, encoding))
    first = next(source.found, None)
    if first is None or not first.strip():
        raise InputRefused(f"{path.name} is empty: the first line must name the columns")
    source.again.append(first)
    mark = delimiter or max(DELIMITERS, key=_outside_quotes(first).count)
    csv.field_size_limit(LONGEST_CELL)
    width = 0
    reader = csv.reader(source, delimiter=mark, strict=True)
    while True:
        line = source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, [source.resume_after_first().rstrip("\r\n")], _why(error))
            reader = csv.reader(source, delimiter=mark, strict=True)
            continue
        if not cells:
            continue
        width = width or len(cells)
        if len(cells) == width:
            yield Row(line, cells)
            continue
        problem = f"{len(cells)} cells where the header has {width}"
        if len(source.pending) > 1:  # most likely a quote that closes in a later row
            cells = [source.resume_after_first().rstrip("\r\n")]
            problem += "; a quote opened here reaches over several lines"
        yield Row(line, cells, problem)


def _outside_quotes(line: str) -> str:
    return "".join(part for place, part in enumerate(line.split('"')) if place % 2 == 0)


def _why(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "a quote opened on this line never closes"
    if "field larger" in said:
        return f"a cell is longer than {LONGEST_CELL} characters, or a quote never closes"
    return f"not CSV: {said}"


def jsonl_rows(path: Path, encoding: str) -> Iterator[Row]:
    """One object a line, as a single cell; blank lines are passed over."""
    for number, line in enumerate(lines(path, encoding), start=1):
        text = line.strip()
        if not text:
            continue
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            yield Row(number, [text], f"not JSON: {error}")
            continue
        if isinstance(value, dict):
            yield Row(number, [value])
        else:
            yield Row(number, [text], "not an object")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
