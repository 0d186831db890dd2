"""Pieces that mails share: `{% include "snippets/footer.html" %}` of templates/snippets.

A piece is put into a mail's text before that is read: its links are tracked, its variables checked
and its bytes counted as the mail's own, and a version keeps the words it was applied with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nurture.language.text.source import MOST_BYTES
from nurture.language.text.templates import take_apart
from nurture.language.text.tree import Fault

FOLDER = "snippets/"
INCLUDE = re.compile(r"""\{%[-+]?\s*include\s*(["'])(snippets/[^"'\n]+)\1\s*[-+]?%\}""")

Origin = tuple[str, int]
"""The piece a line comes from ('' for the mail itself), and its number there."""


def put_in(text: str, pieces: Mapping[str, str]) -> tuple[str, list[Origin]]:
    """A mail with the pieces its body includes, and where each of its lines comes from.

    Nothing is put in where there is no such piece, or where the mail would be too large.
    """
    if not INCLUDE.search(text):
        return text, []
    pieces = {} if _too_large(text, pieces) else pieces
    body = take_apart(text)[0].first_line
    made: list[str] = []
    origins: list[Origin] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        lines, places = [line], [("", number)]
        if number >= body and INCLUDE.search(line):
            lines, places = _line(line, number, pieces)
        made += lines
        origins += places
    return "\n".join(made), origins


def _line(line: str, number: int, pieces: Mapping[str, str]) -> tuple[list[str], list[Origin]]:
    made, places = [""], [("", number)]
    end = 0
    for tag in INCLUDE.finditer(line):
        made[-1] += line[end : tag.start()]
        end = tag.end()
        name = tag[2]
        piece = INCLUDE.sub("", pieces.get(name, ""))
        first, *rest = piece.removesuffix("\n").split("\n")
        if not made[-1].strip():
            places[-1] = (name, 1)
        made[-1] += first
        made += rest
        places += [(name, following) for following in range(2, len(rest) + 2)]
    made[-1] += line[end:]
    return made, places


def included(text: str) -> set[str]:
    """The names of the pieces a text includes."""
    return {tag[2] for tag in INCLUDE.finditer(text)}


def _too_large(text: str, pieces: Mapping[str, str]) -> bool:
    tags = INCLUDE.finditer(text)
    return len(text) + sum(len(pieces.get(tag[2], "")) for tag in tags) > MOST_BYTES


def faults_in(text: str, pieces: Mapping[str, str]) -> Iterator[tuple[Fault, str]]:
    """What is wrong with the pieces a mail includes, each with the name it found."""
    if _too_large(text, pieces):
        most = MOST_BYTES // 1024 // 1024
        message = f"too large with the snippets it includes; {most} MiB is the most"
        yield Fault("too-large", message, 1, 1), ""
    for tag in INCLUDE.finditer(text):
        if tag[2] not in pieces:
            message = f'unknown snippet "{tag[2]}"'
            yield Fault("unknown-snippet", message, *_place(text, tag.start())), tag[2]


def includes_in(piece: str) -> Iterator[Fault]:
    """A piece includes no other: what a mail holds is seen in it."""
    for tag in INCLUDE.finditer(piece):
        message = "a snippet of mails includes no other"
        yield Fault("template-refused", message, *_place(piece, tag.start()))


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
