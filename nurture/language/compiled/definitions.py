"""Everything a tick needs to know, frozen: the applied versions, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nurture.calendar.hours import Calendar
from nurture.language.compiled.program import Program
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Workspace


@dataclass(frozen=True)
class Template:
    """One mail or notice of templates/: front matter and body, as applied.

    `html` and `text` are Jinja2 sources (`text` '' means: derive it from the HTML).
    """

    name: str
    subject: str
    preheader: str
    topic: str
    html: str
    text: str
    hash: str


@dataclass(frozen=True)
class Definitions:
    """The applied workspace.

    `active` holds one program a sequence (who enters, enters here), `programs` every version
    that still has enrolments, by definition id.  `hours` holds the calendar behind every key
    used in `opening` rows.  `handoff_id` is the definition id of the active handoff.yaml.
    """

    workspace: Workspace
    scoring: Scoring
    handoff: HandoffRules | None
    handoff_id: int
    active: Mapping[str, Program]
    programs: Mapping[int, Program]
    templates: Mapping[str, Template] = field(default_factory=dict)
    hours: Mapping[str, Calendar] = field(default_factory=dict)
    sales_hours: frozenset[tuple[str, str]] = frozenset()
    """(hours key, zone) of every team and rep."""
    waking: str | None = None
    """The key of the hours the workspace's quiet hours leave, if it has such."""
    unreadable: tuple[str, ...] = ()
    """Stored versions this program cannot read, each with the reason; they are left out."""
    statements: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `once` built for these definitions: every set has its own."""
