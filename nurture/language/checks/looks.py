"""How mails look to their readers (warnings)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser

from nurture.language.checks.view import Mail, View
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Scalar

SUBJECT = 70
"""Letters of a subject most mail programs show on a wide screen; telephones show half of it."""
CLIPPED = 102 * 1024
"""Bytes of HTML behind which Gmail cuts a mail off and shows a link instead."""
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def subjects(view: View) -> Iterator[Problem]:
    """A subject can be read whole."""
    for mail in view.mails:
        node = mail.page.front.get("subject")
        if isinstance(node, Scalar) and isinstance(node.value, str):
            message = too_long(node.value)
            if message:
                yield _warning(mail, node.line, node.column, "long-subject", message)


def too_long(subject: str) -> str:
    """What is said of a subject readers see cut off, '' of another."""
    length = len(_TAG.sub("", subject).strip())
    if length <= SUBJECT:
        return ""
    return f"{length} letters without its variables; readers see about {SUBJECT}"


def sizes(view: View) -> Iterator[Problem]:
    """Gmail shows the mail whole."""
    for mail in _pages(view):
        size = len(mail.page.body.encode())
        if size > CLIPPED:
            message = f"{size // 1024} KB of HTML; Gmail cuts a mail off behind 102 KB"
            yield _warning(mail, mail.page.first_line, 1, "clipped-mail", message)


def tags(view: View) -> Iterator[Problem]:
    """Links are https, pictures say in words what they show."""
    for mail in _pages(view):
        for line, column, rule, message in _noted(mail.page.body):
            yield _warning(mail, mail.page.first_line + line - 1, column + 1, rule, message)


def _pages(view: View) -> Iterator[Mail]:
    return (mail for mail in view.mails if mail.path.endswith(".html"))


def _warning(mail: Mail, line: int, column: int, rule: str, message: str) -> Problem:
    return Problem(mail.path, line, column, mail.name, message, severity="warning", rule=rule)


class _Reader(HTMLParser):
    """Notes tags readers stumble over; what templates print is x to it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, int, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        link = (said.get("href") or "").strip().lower()
        if tag == "a" and link.startswith("http://"):
            self._note("link-without-tls", "a link without https; mail programs warn of it")
        if tag == "img" and "alt" not in said:
            message = 'a picture without words; write alt="…", or alt="" if it only decorates'
            self._note("missing-alt", message)

    def _note(self, rule: str, message: str) -> None:
        self.found.append((*self.getpos(), rule, message))


@lru_cache(maxsize=256)
def _noted(body: str) -> tuple[tuple[int, int, str, str], ...]:
    """What a reader of this body stumbles over; the same text is checked several times."""
    reader = _Reader()
    reader.feed(_TAG.sub(lambda found: re.sub(r"[^\n]", "x", found[0]), body))
    return tuple(reader.found)


CHECKS = (subjects, sizes, tags)
