"""Stories as text: what a sequence's file says without them."""

from __future__ import annotations

import re

from nurture.language.source import parse
from nurture.language.tree import Table

_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029]|\Z)")
"""Lines as the YAML reader counts them."""


def without_tests(text: str) -> str:
    """A sequence's file without its `tests:`, the comment above them too.

    Tests are about a sequence and no part of it: editing them makes no new version.  A file written
    as one flow mapping (`{sequence: …}`) is left as it is, and so is one that cannot be read.
    """
    tree, faults = parse(text)
    if faults or not isinstance(tree, Table) or "tests" not in tree.entries:
        return text
    lines = [found[0] for found in _LINE.finditer(text)]
    if lines[tree.line - 1][tree.column - 1 :].startswith("{"):
        return text
    starts = sorted(entry.line for entry in tree.entries.values())
    first = tree.entries["tests"].line
    following = next((line for line in starts if line > first), len(lines) + 1)
    before = lines[: first - 1]
    while before and before[-1].lstrip().startswith("#"):
        before.pop()
    while before and not before[-1].strip():
        before.pop()
    return "".join([*before, *lines[following - 1 :]])
