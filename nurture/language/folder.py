"""A workspace as files: what is read, under which names, as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nurture.language.source import MOST_BYTES

Kind = Literal["workspace", "scoring", "handoff", "sequence", "template"]

HEADS: dict[str, Kind] = {
    "nurture.yaml": "workspace",
    "scoring.yaml": "scoring",
    "handoff.yaml": "handoff",
}
NEEDED = ("nurture.yaml", "scoring.yaml")
MOST_FILES = 2_000


@dataclass(frozen=True)
class SourceFile:
    """One file of a workspace; `path` is relative to it, with forward slashes.

    `data` is cut just above the size limit, so that a huge file costs no memory.
    """

    kind: Kind
    path: str
    data: bytes

    @property
    def stem(self) -> str:
        """The file's name without folder and ending: what a template is called."""
        inside = self.path.partition("/")[2] or self.path
        return inside.rpartition(".")[0]

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.data).hexdigest()


def load_workspace(folder: Path) -> list[SourceFile]:
    """Every file of the workspace that means something, sorted by kind and path.

    Missing files are not here; unreadable ones come as empty bytes.
    """
    found = [(HEADS[name], folder / name) for name in HEADS if (folder / name).is_file()]
    for ending in ("*.yaml", "*.yml"):
        found += [("sequence", path) for path in sorted((folder / "sequences").glob(ending))]
    for ending in ("*.html", "*.txt"):
        found += [("template", path) for path in sorted((folder / "templates").rglob(ending))]
    return [
        SourceFile(kind, path.relative_to(folder).as_posix(), _bytes(path))
        for kind, path in found[:MOST_FILES]
        if path.is_file()
    ]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError:
        return b""
