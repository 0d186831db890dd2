"""The lines of a file in its declared encoding: never guessed, checked before the first is used."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from nurture.ledger.errors import InputRefused

LONGEST_LINE = 8 * 1024 * 1024
_ALONE = re.compile(r"(?<=\r)(?!\n)")


def check(path: Path, encoding: str) -> int:
    """Read the file once without using it; returns its number of lines.

    Raises InputRefused naming line and byte when it is not in the encoding, or cannot be read.
    """
    return sum(1 for _ in lines(path, encoding))


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Each line with its end; a byte order mark at the beginning is left out."""
    try:
        known = codecs.lookup(encoding)
    except LookupError:
        raise InputRefused(
            f"There is no encoding {encoding!r}: utf-8, cp1252 and utf-16 are common"
        ) from None
    if not path.is_file():
        raise InputRefused(f"{path} is no file that can be read")
    plain = "\n".encode(known.name) == b"\n"
    found = _by_bytes(path, known.name) if plain else _by_text(path, known.name)
    for number, line in enumerate(found):
        if number == 0:
            line = line.removeprefix("\ufeff")  # noqa: PLW2901
        if "\r" in line[:-2]:
            yield from (part for part in _ALONE.split(line) if part)
        elif line:
            yield line


def _by_bytes(path: Path, encoding: str) -> Iterator[str]:
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
            if len(raw) == LONGEST_LINE:
                raise InputRefused(f"{path.name}, line {number}: longer than {LONGEST_LINE} bytes")
            try:
                yield raw.decode(encoding)
            except UnicodeDecodeError as error:
                byte = raw[error.start]
                raise InputRefused(
                    f"{path.name}, line {number}, byte {error.start + 1} (0x{byte:02x}, "
                    f"{offset + error.start + 1} of the file) is not {encoding}. Say which "
                    "encoding the file has: --encoding cp1252, --encoding utf-16 …"
                ) from None
            offset += len(raw)


def _by_text(path: Path, encoding: str) -> Iterator[str]:
    try:
        with path.open(encoding=encoding, newline="\n") as file:
            yield from file
    except UnicodeError as error:
        raise InputRefused(f"{path.name} is not {encoding}: {error}") from None
