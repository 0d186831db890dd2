"""A workspace as files: what is read, under which names, as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nurture.language.reading.closing import closed
from nurture.language.text.parts import without
from nurture.language.text.pieces import FOLDER, put_in
from nurture.language.text.source import MOST_BYTES, decode

Kind = Literal["workspace", "scoring", "handoff", "sequence", "template", "piece"]

HEADS: dict[str, Kind] = {
    "nurture.yaml": "workspace",
    "scoring.yaml": "scoring",
    "handoff.yaml": "handoff",
}
NEEDED = ("nurture.yaml", "scoring.yaml")
OF_OTHERS = ("simulation.yaml",)
"""What stands beside them and is read by a command alone: nurture simulate."""
FOLDERS: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "sequences": ("sequence", (".yaml", ".yml")),
    "templates": ("template", (".html", ".txt")),
}
"""The folders of a workspace: what their files are, and the endings that are read."""
LOOKS_MEANT = (".yaml", ".yml", ".html", ".htm", ".txt", ".mjml")
"""Endings of files somebody probably expects to be read."""
MOST_FILES = 2_000


@dataclass(frozen=True)
class SourceFile:
    """One file of a workspace; `path` is relative to it, with forward slashes.

    `data` is cut just above the size limit, so that a huge file costs no memory.  `trouble` says
    why the file could not be read; then there is no data.
    """

    kind: Kind
    path: str
    data: bytes
    trouble: str = ""
    taken: Mapping[str, Any] = field(default_factory=dict)
    """What it uses of other files: of nurture.yaml by key, a mail the pieces it includes."""

    @property
    def stem(self) -> str:
        """The file's name without folder and ending: what a template is called."""
        inside = self.path.partition("/")[2] or self.path
        return inside.rpartition(".")[0]

    @cached_property
    def definition(self) -> str:
        """The text that is applied: of a sequence all but its tests, with what it uses of other
        files; '' of what is no text."""
        text, _ = decode(self.data)
        if self.kind == "sequence" and "tests" in text:
            text = without(text, "tests")
        if self.kind == "template":
            return put_in(text, self.taken)[0]
        return closed(text, self.taken)

    @property
    def hash(self) -> str:
        """SHA-256 of what is applied."""
        return hashlib.sha256(self.definition.encode()).hexdigest()


@dataclass(frozen=True)
class Overlooked:
    """A file or folder that stands in a workspace and is not read, and why."""

    path: str
    reason: str
    severity: Literal["error", "warning"] = "warning"


def load_workspace(folder: Path) -> list[SourceFile]:
    """Every file of the workspace that means something, sorted by kind and path.

    Missing files are not here; those that cannot be read, or that a link takes from outside the
    workspace, carry their `trouble`.
    """
    found = [(HEADS[name], folder / name) for name in HEADS if _is_here(folder / name)]
    for place, (kind, endings) in FOLDERS.items():
        inside = _files(folder / place)
        for ending in endings:
            found += [(kind, path) for path in inside if _means(path, kind, folder / place, ending)]
    return [_source(folder, kind, path) for kind, path in found[:MOST_FILES]]


def overlooked(folder: Path, files: Iterable[SourceFile]) -> list[Overlooked]:
    """What looks meant to be read and is not among `files`: wrong endings or folders, or a file
    where a folder belongs.  Hidden files are nobody's business."""
    read = {file.path for file in files}
    found = []
    for name in FOLDERS:
        place = folder / name
        if place.exists() and not place.is_dir():
            found.append(Overlooked(name, "is a file; a folder is expected here", "error"))
        for path in _files(place):
            shown = path.relative_to(folder).as_posix()
            if shown not in read and path.suffix.lower() in LOOKS_MEANT:
                found.append(Overlooked(shown, f"is not read; {_EXPECTED[name]}"))
    found += [
        Overlooked(path.name, f"is not read; here stand {', '.join(HEADS)}")
        for path in sorted(folder.glob("*.y*ml"))
        if path.name not in (*HEADS, *OF_OTHERS) and path.suffix in (".yaml", ".yml")
    ]
    return found


_EXPECTED = {
    "sequences": "sequences are sequences/NAME.yaml, in no deeper folder",
    "templates": "mails are templates/NAME.html and templates/NAME.txt",
}


def _files(place: Path) -> list[Path]:
    """The files below a folder, sorted, hidden ones left out; links to folders are not followed."""
    if not place.is_dir():
        return []
    return [
        path
        for path in sorted(place.rglob("*"))
        if _is_here(path) and not any(part[0] == "." for part in path.relative_to(place).parts)
    ]


def _means(path: Path, kind: Kind, place: Path, ending: str) -> bool:
    return path.suffix == ending and (kind == "template" or path.parent == place)


def _is_here(path: Path) -> bool:
    """A file, or a link that leads to none."""
    return path.is_file() or (path.is_symlink() and not path.is_dir())


def _source(folder: Path, kind: Kind, path: Path) -> SourceFile:
    shown = path.relative_to(folder).as_posix()
    if shown.startswith(f"templates/{FOLDER}"):
        kind = "piece"
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            trouble = "this is a link that leads out of the workspace; put the file itself here"
            return SourceFile(kind, shown, b"", trouble)
        with path.open("rb") as stream:
            return SourceFile(kind, shown, stream.read(MOST_BYTES + 1))
    except (OSError, RuntimeError) as error:  # links in a ring are a RuntimeError before 3.13
        said = getattr(error, "strerror", None) or "its links lead in a ring"
        return SourceFile(kind, shown, b"", f"the file cannot be read: {said}")
