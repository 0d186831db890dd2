"""Pieces that mails share, put into them before they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.language.applied.differences import differences
from nurture.language.text.pieces import put_in
from nurture.ledger.engine import Ledger
from tests.language.applied.test_versions import applied, statuses
from tests.language.conftest import Edit

PIECES = {"snippets/a.html": "<a>\n<b>\n", "snippets/b.html": "one line"}


@pytest.mark.parametrize(
    ("text", "whole", "origins"),
    [
        ("x\ny", "x\ny", []),
        ('{% include "snippets/b.html" %}!', "one line!", [("snippets/b.html", 1)]),
        ("x\n{%- include 'snippets/a.html' -%}\ny", "x\n<a>\n<b>\ny",
         [("", 1), ("snippets/a.html", 1), ("snippets/a.html", 2), ("", 3)]),
        ('---\nsubject: {% include "snippets/b.html" %}\n---\nx {% include "snippets/a.html" %} y',
         '---\nsubject: {% include "snippets/b.html" %}\n---\nx <a>\n<b> y',
         [("", 1), ("", 2), ("", 3), ("", 4), ("snippets/a.html", 2)]),
        ('{% include "snippets/no.html" %}x', "x", [("snippets/no.html", 1)]),
        ("{% include other %}{% include 'os' %}", "{% include other %}{% include 'os' %}", []),
    ],
)  # fmt: skip
def test_a_piece_stands_where_it_is_included(
    text: str, whole: str, origins: list[tuple[str, int]]
) -> None:
    assert put_in(text, PIECES) == (whole, origins)


def test_a_mails_version_holds_its_pieces(ledger: Ledger, workspace: Path, edit: Edit) -> None:
    piece = workspace / "templates" / "snippets" / "bye.html"
    piece.parent.mkdir()
    piece.write_text('<p><a href="https://example.test/a">A</a></p>\n<p>Bye</p>\n', "utf-8")
    for mail in ("travel-time", "first-plan"):
        edit(f"templates/{mail}.html", "---\n<p>", "---\n{% include 'snippets/bye.html' %}\n<p>")
    first, definitions = applied(ledger, workspace)
    assert not first.errors
    before = definitions.templates["first-plan"]
    assert '<p><a href="https://example.test/a">A</a></p>' in before.html
    assert not any(name.startswith("snippets") for name in definitions.templates)
    piece.write_text('<p><a href="https://example.test/a">A</a></p>\n<p>Till soon</p>\n', "utf-8")
    second, definitions = applied(ledger, workspace)
    changed = {name for name, status in statuses(second).items() if status != "same"}
    assert changed == {"travel-time.html", "first-plan.html"}
    (found,) = differences("template", before.html, definitions.templates["first-plan"].html)
    assert (found.place, found.before, found.after) == ("body", "1 line", "1 line")
