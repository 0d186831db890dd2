"""The text part of a mail whose author wrote only HTML.

Made from the template, once, not from the mail: the result is a text template with the same fields
and the same tags, so a lead's text part costs one more rendering and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

_JINJA: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_RAW: Final = re.compile(r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}", re.DOTALL)
# Private-use characters hold the place of template code while the HTML around it is read.
_OPEN, _CLOSE = "\ue000", "\ue001"
_HELD: Final = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_SILENT: Final = frozenset({"head", "style", "script", "title", "template"})
_PARAGRAPHS: Final = frozenset(
    [
        "p",
        "div",
        "table",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "section",
        "header",
        "footer",
        "article",
        "pre",
    ]
)
_LINES: Final = frozenset({"tr", "li", "dt", "dd"})
_BLANKS: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def plain_template(source: str) -> str:
    """A text template that says what the HTML template `source` says.

    Links become `text (address)`, pictures their alternative text, list entries `- `; what is not
    shown is left out, but tags such as {% if %} all stay, wherever they stood.
    """
    held: list[str] = []

    def hold(code: re.Match[str]) -> str:
        held.append(code[0])
        return f"{_OPEN}{len(held) - 1}{_CLOSE}"

    reader = _Reader(held)
    reader.feed(_JINJA.sub(hold, _RAW.sub(hold, source.translate({0xE000: None, 0xE001: None}))))
    reader.close()
    text = "\n".join(line.strip(" \t") for line in "".join(reader.out).split("\n"))
    text = _BLANKS.sub("\n\n", text).strip("\n") + "\n"
    return _HELD.sub(lambda place: held[int(place[1])], text)


class _Reader(HTMLParser):
    """Collects what is shown; `held` is the template code behind the placeholders."""

    def __init__(self, held: list[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._held = held
        self._silent: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _SILENT:
            self._silent.append(tag)
        if tag == "a":
            self._links.append((given.get("href") or "", len(self.out)))
            # The address is written after the text, with the code it holds.
            attrs = [(key, value) for key, value in attrs if key != "href"]
        if tag == "img" and not self._silent:
            self.out.append(given.get("alt") or "")
            attrs = [(key, value) for key, value in attrs if key != "alt"]
        self._keep_tags(f"{key} {value or ''}" for key, value in attrs)
        self._break(tag)
        if tag == "li":
            self.out.append("- ")
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n\n---\n\n")
        elif tag in {"td", "th"}:
            self.out.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        if tag == "a" and self._links:
            address, since = self._links.pop()
            said = "".join(self.out[since:]).strip()
            if said and address and not address.startswith("#") and said != address:
                self.out.append(f" ({address.removeprefix('mailto:').removeprefix('tel:')})")
        if tag != "li":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._silent:
            self._keep_tags([data])
        else:
            said = re.sub(r"\s+", " ", data)
            self.out.append(said.lstrip() if not self.out or self.out[-1].endswith("\n") else said)

    def handle_comment(self, data: str) -> None:
        self._keep_tags([data])

    def handle_decl(self, decl: str) -> None:
        self._keep_tags([decl])

    def unknown_decl(self, data: str) -> None:
        self._keep_tags([data])

    def handle_pi(self, data: str) -> None:
        self._keep_tags([data])

    def _keep_tags(self, texts: Iterable[str]) -> None:
        """Keeps the {% %} of what is not shown: an {% if %} may end somewhere that is."""
        for text in texts:
            self.out += [
                place[0] for place in _HELD.finditer(text) if self._held[int(place[1])][1] == "%"
            ]

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.out.append("\n\n")
        elif tag in _LINES:
            self.out.append("\n")
