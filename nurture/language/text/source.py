"""The one strict loader: YAML 1.2 into a tree that knows where everything stands.

What would make a file mean something else than it looks is refused: anchors, aliases, tags,
merge keys, duplicate keys, directives, several documents.  So is what would make reading slow:
more than `MOST_BYTES`, `MOST_LINES`, `MOST_VALUES` or `MOST_DEPTH`.  Nothing raises: whatever the
bytes are, the answer is a tree, faults, or both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from nurture.language.text.tree import Entry, Fault, Listing, Node, Scalar, Table

MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 50_000
MOST_VALUES = 50_000
MOST_DEPTH = 32

_WHOLE = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_REAL = re.compile(
    r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?", re.ASCII
)
_STRANGE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 admits in no file, quoted or not (its production c-printable)."""
_CLOCK = r"\d{1,2}:\d{2}(:\d{2})?"
_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = re.compile(
    rf"({_DAY}[ T])?{_CLOCK}(\s*-\s*{_CLOCK})?(\s*,\s*{_CLOCK}\s*-\s*{_CLOCK})*|{_DAY}", re.ASCII
)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class _Stop(Exception):
    """The rest of the file is not worth reading."""


class _Builder:
    """Builds the tree from parser events; faults that leave a readable tree are collected."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.faults: list[Fault] = []
        self.values = 0

    def note(self, event: Any, rule: str, message: str) -> None:
        mark = event.start_mark
        self.faults.append(Fault(rule, message, mark.line + 1, mark.column + 1))

    def stop(self, event: Any, rule: str, message: str) -> _Stop:
        self.note(event, rule, message)
        return _Stop()

    def document(self) -> Node | None:
        """The one document of the file, None for an empty one."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self.stop(event, "yaml-syntax", "a second document; one file holds one")
                if event.version or event.tags:
                    self.note(event, "yaml-syntax", "directives (%YAML, %TAG) are not allowed")
                root = self.node(next(self.events), 1)
        return root

    def node(self, event: Any, depth: int) -> Node:
        self.values += 1
        if depth > MOST_DEPTH:
            raise self.stop(event, "too-large", f"nested deeper than {MOST_DEPTH} levels")
        if self.values > MOST_VALUES:
            raise self.stop(event, "too-large", f"more than {MOST_VALUES:,} values in one file")
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, AliasEvent):
            self.note(event, "yaml-alias", f"aliases (*{event.anchor}) are not allowed; repeat it")
            return Scalar(line, column, None, True)
        if event.anchor:
            self.note(event, "yaml-anchor", f"anchors (&{event.anchor}) are not allowed")
        if event.tag and str(event.tag) != "!":
            self.note(event, "yaml-tag", "tags (!…) are not allowed; write the plain value")
        if isinstance(event, MappingStartEvent):
            return self.table(line, column, depth)
        if isinstance(event, SequenceStartEvent):
            return self.listing(line, column, depth)
        return self.scalar(event, line, column)

    def listing(self, line: int, column: int, depth: int) -> Listing:
        listing = Listing(line, column)
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            listing.items.append(self.node(event, depth + 1))
        return listing

    def table(self, line: int, column: int, depth: int) -> Table:
        table = Table(line, column)
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.key(event, depth)
            node = self.node(next(self.events), depth + 1)
            if key in table.entries:
                before = table.entries[key].line
                self.note(
                    event, "duplicate-key", f'"{key}" stands here twice (first in line {before})'
                )
            elif key is not None:
                mark = event.start_mark
                table.entries[key] = Entry(mark.line + 1, mark.column + 1, node)
        return table

    def key(self, event: Any, depth: int) -> str | None:
        node = self.node(event, depth + 1)
        if not isinstance(node, Scalar):
            self.note(event, "yaml-syntax", "a key must be a text, not a list or mapping")
            return None
        if node.plain and node.value == "<<":
            self.note(event, "yaml-merge", "merge keys (<<) are not allowed; write the entries out")
            return None
        if not isinstance(node.value, str):
            word = "nothing" if node.value is None else f'"{event.value}"'
            self.note(event, "yaml-syntax", f"a key must be a text, not {word}; put it in quotes")
            return None
        return node.value

    def scalar(self, event: ScalarEvent, line: int, column: int) -> Scalar:
        text = str(event.value)
        plain = event.style is None or event.style == ""
        if "\0" in text or not _encodable(text):
            self.note(
                event, "bad-character", "a character that cannot be stored (NUL or surrogate)"
            )
            text = "".join(c for c in text if c != "\0" and _encodable(c))
        if not plain:
            return Scalar(line, column, text, False)
        if _TIME.fullmatch(text):
            self.note(event, "unquoted-time", _TRAP.format(text=text))
        elif _OCTAL.fullmatch(text):
            self.note(event, "leading-zero", _OCTAL_TRAP.format(text=text, bare=int(text)))
        return Scalar(line, column, plain_value(text), True)


_TRAP = (
    'put quotes around times and dates: "{text}"; without them many YAML programs read 9:30 as'
    " the number 570 and a date as no text at all"
)


_OCTAL = re.compile(r"[-+]?0[0-9]{1,17}", re.ASCII)
_OCTAL_TRAP = (
    'a number with a leading zero; write {bare}, or "{text}" in quotes if the zero belongs to it'
    " (many YAML programs count such a number in eights)"
)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def plain_value(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means in YAML 1.2 (the core schema's decimal part)."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _REAL.fullmatch(text) else text


def decode(data: bytes) -> tuple[str, Fault | None]:
    """The text of a file, or the fault that makes it none: too large, NUL, not UTF-8."""
    if len(data) > MOST_BYTES:
        most = MOST_BYTES // 1024 // 1024
        return "", Fault("too-large", f"the file is too large; {most} MiB is the most", 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(data[: error.start])
        return "", Fault(
            "not-utf-8",
            f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8",
            line,
            column,
        )
    if "\0" in text:
        line, column = _position(data[: data.index(b"\0")])
        return "", Fault("bad-character", "a NUL byte; this is no text file", line, column)
    if text.count("\n") + text.count("\r") > 2 * MOST_LINES or text.count("\n") > MOST_LINES:
        return "", Fault("too-large", f"more than {MOST_LINES:,} lines", 1, 1)
    return text, None


def _position(before: bytes) -> tuple[int, int]:
    lines = before.decode("utf-8-sig", errors="replace").split("\n")
    return len(lines), len(lines[-1]) + 1


def parse(text: str) -> tuple[Node | None, list[Fault]]:
    """The tree of a YAML text and everything wrong with it as YAML.

    A tree is for reading only: whoever parses the same text soon is given the same one.
    """
    parsing = next((kept for longest, kept in _KEPT if len(text) <= longest), _parse)
    tree, faults = parsing(text)
    return tree, list(faults)


_BRACKETS = (
    "inside {} a comma is missing, the bracket is not closed, or a text with a colon has no quotes"
)
_MEANT = {
    r"'\t'": "a tab where spaces belong; indent with spaces",
    "found '<scalar>'": "text behind the end of a text in quotes, or a line in another column than"
    " those it belongs to",
    "expected <block end>": "this line does not fit those above it: what belongs together begins in"
    ' the same column, and each entry of a list with "- "',
    "expected ',' or '}'": _BRACKETS.format("{ }"),
    "expected ',' or ']'": _BRACKETS.format("[ ]"),
    "mapping values are not allowed": "a second colon in one line: a text with one needs quotes",
}
"""What people did where a parser says this."""


def _parse(text: str) -> tuple[Node | None, list[Fault]]:
    strange = _STRANGE.search(text)
    if strange is not None:
        line, column = _position(text[: strange.start()].encode("utf-8", "surrogatepass"))
        message = f"a control character (U+{ord(strange[0]):04X}), which no text file holds"
        return None, [Fault("bad-character", message, line, column)]
    builder = _Builder(iter(()))
    try:
        builder.events = iter(YAML(typ="safe", pure=True).parse(text))
        return builder.document(), builder.faults
    except _Stop:
        return None, builder.faults
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = " ".join(str(word) for word in (error.problem, error.context) if word)
        said = next((words for part, words in _MEANT.items() if part in said), said)
        return None, [*builder.faults, Fault("yaml-syntax", f"not YAML: {said}", *place)]
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
            AssertionError, RuntimeError, StopIteration) as error:  # fmt: skip
        # The parser itself stumbles over some malformed escapes and flow mappings.
        said = f"not YAML that can be read ({type(error).__name__})"
        return None, [*builder.faults, Fault("yaml-syntax", said, 1, 1)]


_KEPT = ((40_000, lru_cache(maxsize=64)(_parse)), (400_000, lru_cache(maxsize=4)(_parse)))
"""A workspace is checked, then applied, and after an edit checked again with one file changed: the
last trees are kept, of long texts only a few."""
