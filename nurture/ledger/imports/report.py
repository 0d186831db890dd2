"""What an import did, and the rows it could not take."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

Progress = Callable[[int, int | None], None]
"""Called with the rows read so far and about how many there are."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")


@dataclass
class ImportReport:
    """Counts of rows; `read` is the sum of the others.

    For engagements `imported` are new ones of known leads, `parked` new ones of unknown leads and
    `unchanged` those that were here before.  `reject_file` names the rejected rows, with reasons.
    """

    read: int = 0
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    parked: int = 0
    reject_file: str | None = None


@dataclass
class Rejects:
    """The reject file: line, reason and the row as it was; made when the first row is rejected."""

    path: Path
    header: Sequence[str] = ()
    count: int = 0
    _file: TextIO | None = field(default=None, repr=False)
    _writer: Any = field(default=None, repr=False)

    def add(self, line: int, reason: str, row: Sequence[str]) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(["line", "reason", *map(harmless, self.header)])
        self._writer.writerow([line, harmless(reason), *map(harmless, row)])
        self.count += 1

    def flush(self) -> None:
        """Before a batch is committed: what it rejected is on disk by then."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> str | None:
        """The file's name, None when nothing was rejected."""
        if self._file is None:
            return None
        self._file.close()
        return str(self.path)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, and of bearable length."""
    shown = cell if len(cell) <= 2_000 else f"{cell[:2_000]}… ({len(cell)} characters)"
    shown = shown.replace("\0", "␀").encode("utf-8", "replace").decode("utf-8")
    return f"'{shown}" if shown.startswith(DANGEROUS) else shown
