"""The words of notices to sales: templates/notices of the program, and of a workspace."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import resources

from handoff.telling.notice_press import NoticePress
from nurture.language.applied.loading import read_templates
from nurture.language.compiled.definitions import Definitions, Template

OWN = "notices/"
"""The folder of a workspace's templates that holds notices."""


@cache
def notice_templates() -> dict[str, Template]:
    """Every notice by name."""
    folder = resources.files("templates") / "notices"
    sources = {
        file.name: file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith((".html", ".txt"))
    }
    return read_templates(sources)


def _own(definitions: Definitions) -> dict[str, Template]:
    """The workspace's own notices by name: for `notify`, or in place of the program's."""
    return {
        name.removeprefix(OWN): template
        for name, template in definitions.templates.items()
        if name.startswith(OWN)
    }


class NoticePresses:
    """One notice press for one set of definitions; each call dates it anew."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._kept: NoticePress | None = None

    def __call__(self, definitions: Definitions, now: datetime) -> NoticePress:
        with self._lock:
            if self._kept is None or self._kept.definitions is not definitions:
                forms = notice_templates() | _own(definitions)
                self._kept = NoticePress(definitions, forms, self._keys, now)
            return replace(self._kept, now=now)
