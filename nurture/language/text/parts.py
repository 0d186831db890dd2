"""A file's text, entry by entry: what it says without one of them, and that one alone."""

from __future__ import annotations

import re

from nurture.language.text.source import parse
from nurture.language.text.tree import Table

_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029]|\Z)")
"""Lines as the YAML reader counts them."""


def without(text: str, key: str) -> str:
    """A file's text without the entry `key` of its outermost mapping, the comment above it too.

    A file written as one flow mapping (`{sequence: …}`) is left as it is, and so is one that cannot
    be read.
    """
    before, _, after = _cut(text, key)
    return before + after


def part(text: str, key: str) -> str:
    """What `without` takes out; '' when it takes out nothing."""
    return _cut(text, key)[1]


def _cut(text: str, key: str) -> tuple[str, str, str]:
    lines = [found[0] for found in _LINE.finditer(text)]
    first, last = _lines(text, lines, key)
    if first == last:
        return text, "", ""
    first = _above(lines, first)
    if last < len(lines):
        last = _above(lines, last)
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def _above(lines: list[str], line: int) -> int:
    """Where the comment above a line begins, with the empty lines above that."""
    while line and lines[line - 1].startswith("#"):
        line -= 1
    while line and not lines[line - 1].strip():
        line -= 1
    return line


def _lines(text: str, lines: list[str], key: str) -> tuple[int, int]:
    """The first line of an entry and the one behind its last, both 0 when there is none."""
    tree, faults = parse(text)
    if faults or not isinstance(tree, Table) or key not in tree.entries:
        return 0, 0
    if lines[tree.line - 1][tree.column - 1 :].startswith("{"):
        return 0, 0
    starts = sorted(entry.line for entry in tree.entries.values())
    first = tree.entries[key].line
    following = next((line for line in starts if line > first), len(lines) + 1)
    return first - 1, following - 1
