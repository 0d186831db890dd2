"""What pages load is what is written down of it, and ours is small."""

from __future__ import annotations

import hashlib
import re

from app.web.site import PAGES
from app.web.static import FILES

STATIC = PAGES / "static"
NOTES = (STATIC / "README.md").read_text(encoding="utf-8")


def test_the_library_is_the_one_that_is_noted_unmodified() -> None:
    noted = re.search(r"htmx ([\d.]+), .*SHA-256 `([0-9a-f]{64})`.*licence", NOTES)
    assert noted
    content = (STATIC / "htmx.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == noted[2]
    assert f'version:"{noted[1]}"'.encode() in content


def test_every_file_is_noted_and_served_and_our_script_is_short() -> None:
    files = {path.name for path in STATIC.iterdir()} - {"README.md"}
    assert files == set(FILES)
    assert all(f"`{name}`" in NOTES for name in files)
    assert len((STATIC / "inbox.js").read_text(encoding="utf-8").splitlines()) < 120


def test_pages_hold_neither_scripts_nor_styles_of_their_own() -> None:
    """The policy would stop them without a word to who wrote them."""
    own = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)|javascript:")
    for page in PAGES.glob("*.html"):
        assert not own.search(page.read_text(encoding="utf-8")), page
