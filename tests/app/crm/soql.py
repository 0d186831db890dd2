"""SOQL as its pages describe it, as much of it as is asked: written from them alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<number>\d+)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>!=|<=|>=|[=<>(),])"
    r")",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda held, value: bool(held == value),
    "!=": lambda held, value: bool(held != value),
    ">": lambda held, value: held is not None and bool(held > value),
    ">=": lambda held, value: held is not None and bool(held >= value),
    "<": lambda held, value: held is not None and bool(held < value),
    "<=": lambda held, value: held is not None and bool(held <= value),
}
Row = Mapping[str, Any]


class MalformedQuery(Exception):
    """What Salesforce answers MALFORMED_QUERY to."""


@dataclass(frozen=True)
class Query:
    """One query: `fits` says whether a record is among its records."""

    fields: list[str]
    kind: str
    fits: Callable[[Row], bool]
    order: list[str]
    limit: int
    used: list[str]


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.used: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise MalformedQuery(f"unexpected token: {text[at : at + 20]!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def take(self, *wanted: str) -> str:
        if not self.tokens or (wanted and self.tokens[0][1].upper() not in wanted):
            raise MalformedQuery(f"expecting {wanted}, found {self.tokens[:1]}")
        return self.tokens.pop(0)[1]

    def sees(self, *words: str) -> bool:
        return bool(self.tokens) and self.tokens[0][1].upper() in words

    def name(self) -> str:
        if not self.tokens or self.tokens[0][0] != "word":
            raise MalformedQuery("a name was expected")
        name = self.take()
        self.used.append(name)
        return name

    def names(self) -> list[str]:
        names = [self.name()]
        while self.sees(","):
            self.take()
            names.append(self.name())
        return names

    def condition(self) -> Callable[[Row], bool]:
        """Fields joined by AND or by OR; both only with parentheses, as the page on WHERE says."""
        parts, joined = [self.part()], ""
        while self.sees("AND", "OR"):
            word = self.take().upper()
            if joined and word != joined:
                raise MalformedQuery("AND and OR need parentheses")
            joined = word
            parts.append(self.part())
        every = any if joined == "OR" else all
        return lambda row: every(part(row) for part in parts)

    def part(self) -> Callable[[Row], bool]:
        if self.sees("("):
            self.take()
            inner = self.condition()
            self.take(")")
            return inner
        name, sign = self.name(), _SIGNS[self.take(*_SIGNS)]
        value = self.value()
        return lambda row: sign(row.get(name), value)

    def value(self) -> Any:
        if not self.tokens:
            raise MalformedQuery("a value was expected")
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return _unescaped(text[1:-1])
        if kind == "moment":
            return datetime.fromisoformat(text)
        if kind == "number":
            return int(text)
        words = {"null": None, "true": True, "false": False}
        if text.lower() not in words:
            raise MalformedQuery(f"{text} is no value")
        return words[text.lower()]


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise MalformedQuery(f"Invalid string literal: \\{found[1]}")
        return _ESCAPES[found[1]]

    if len(text) > 4000:
        raise MalformedQuery("a string of more than 4,000 letters")
    if any(ord(letter) < 32 for letter in text):
        raise MalformedQuery("a control character in a string")
    return re.sub(r"\\(.)", one, text, flags=re.DOTALL)


def read(text: str) -> Query:
    """The query; MalformedQuery where it is none."""
    reader = _Reader(text)
    reader.take("SELECT")
    fields = reader.names()
    reader.take("FROM")
    kind = reader.take()
    reader.take("WHERE")
    fits = reader.condition()
    reader.take("ORDER")
    reader.take("BY")
    order = reader.names()
    reader.take("LIMIT")
    limit = int(reader.take())
    if reader.tokens:
        raise MalformedQuery(f"unexpected: {reader.tokens}")
    return Query(fields, kind, fits, order, limit, reader.used)
