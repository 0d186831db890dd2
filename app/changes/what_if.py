"""Another handoff.yaml, read beside what is in force."""

from __future__ import annotations

from pathlib import Path

from nurture.language.applied.loading import all_as_written
from nurture.language.checks.validate import check
from nurture.language.compiled.definitions import Definitions
from nurture.language.reading.folder import SourceFile, load_workspace
from nurture.ledger.errors import NotFound

NAME = "handoff.yaml"


def definitions_with(workspace: Path, other: Path) -> Definitions:
    """The workspace's files with this handoff.yaml in place of their own; of a folder all of its
    files.  NotFound when there is none, DefinitionInvalid with what is wrong."""
    files = load_workspace(other if other.is_dir() else workspace)
    if not other.is_dir():
        try:
            source = SourceFile("handoff", NAME, other.read_bytes())
        except OSError as error:
            raise NotFound(f"{other} cannot be read: {error.strerror or error}.") from error
        files = [file for file in files if file.kind != "handoff"] + [source]
    found = all_as_written(check(files))
    if found.handoff is None:
        raise NotFound(f"There is no {NAME} in {other}.")
    return found
