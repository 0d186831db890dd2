"""A workspace stories are written into, and how they are played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from app.stories import running
from app.stories.rehearsal import Rehearsal, open_rehearsal
from app.stories.running import Case, Result, cases
from tests.sequences import texts

FLOW = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}}
exit: [{when: {lifecycle: customer}, reason: bought}]
goal: {event: demo_booked}
timing: {window: {days: mon-fri, hours: "09:00-17:00"}}
stages:
  - stage: first
    steps: [{send: welcome}, {update: {add_tags: seen}}, {wait: 1 day}, {send: tips}]
  - stage: second
    steps:
      - wait_for: {event: email_clicked, where: {email: tips}}
        within: 2 days
        otherwise: [{start: other}]
      - hand_off: smb
      - wait: 10 days
"""
OTHER = """
sequence: other
topic: tips
enter: {when: {event: ordered}}
stages: [{stage: only, steps: [{wait: 1 day}, {send: news}]}]
"""


def made(folder: Path, **sequences: str) -> Path:
    """A workspace with these sequences, in a folder that is not there yet."""
    (folder / "sequences").mkdir(parents=True)
    (folder / "templates").mkdir()
    files = {"nurture": texts.WORKSPACE, "scoring": texts.SCORING, "handoff": texts.HANDOFF}
    files |= {f"sequences/{name}": text for name, text in sequences.items()}
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name in texts.MAILS:
        page = texts.MAIL.format(name=name)
        (folder / "templates" / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("stories") / "workspace", flow=FLOW, other=OTHER)


@pytest.fixture(scope="module")
def rehearsal(workspace: Path) -> Iterator[Rehearsal]:
    with open_rehearsal(workspace) as opened:
        yield opened


def write(workspace: Path, *stories: str, lead: str = "{}") -> list[Case]:
    """The cases of these stories, the only ones of the workspace."""
    entries = [
        f"  - name: story {number}\n    lead: {lead}\n    story:\n{indent(story, '      ')}"
        for number, story in enumerate(stories, start=1)
    ]
    text = f"{FLOW}tests:\n" + "".join(entries)
    (workspace / "sequences" / "flow.yaml").write_text(text, encoding="utf-8")
    return cases(workspace)


def played(rehearsal: Rehearsal, workspace: Path, story: str, lead: str = "{}") -> Result:
    (case,) = write(workspace, story, lead=lead)
    return Result(case, *running._timed(rehearsal, case.sequence, case.story))
