"""What is wrong with a workspace, said so that it can be put right at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from nurture.calendar.nearest import nearest
from nurture.ledger.errors import InputRefused

MOST_LISTED = 16


@dataclass(frozen=True)
class Problem:
    """One thing wrong in one place.

    `path` says where in the definition (`trial-welcome/interest/2`), line and column where in
    the file (from 1).  `allowed` lists valid names, `found` what stood there instead.  Only an
    error keeps a file from being applied; a warning does not.  `rule` names the check.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    found: str = ""
    allowed: tuple[str, ...] = ()
    severity: Literal["error", "warning"] = "error"
    rule: str = ""

    @property
    def nearest(self) -> str:
        """The allowed name that was probably meant, '' if none is near."""
        names = nearest(self.found, self.allowed, 1) if self.found else []
        return names[0] if names else ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        mild = "warning: " if self.severity == "warning" else ""
        return where + path + mild + self.text

    @property
    def text(self) -> str:
        """The message with the name that was probably meant, and those allowed."""
        said = self.message
        if self.nearest:
            said += f'; did you mean "{self.nearest}"?'
        if not self.allowed:
            return said
        said += " " if self.nearest else ". "
        return f"{said}Allowed: {_listed(self.allowed)}"

    def as_dict(self) -> dict[str, Any]:
        """For machines: every field, with the suggestion."""
        return {
            "file": self.file, "line": self.line, "column": self.column, "path": self.path,
            "message": self.message, "found": self.found, "nearest": self.nearest,
            "allowed": list(self.allowed), "severity": self.severity, "rule": self.rule,
        }  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    if len(shown) <= MOST_LISTED:
        return ", ".join(shown)
    return f"{', '.join(shown[:MOST_LISTED])} and {len(shown) - MOST_LISTED} more"


class DefinitionInvalid(InputRefused):
    """YAML or templates with problems; `problems` carries them all."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
