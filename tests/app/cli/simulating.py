"""A workspace with a model of its people, and `nurture simulate` in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import Result

from tests.commands import invoke

MODEL = """\
leads:
  - group: trial
    weight: 2
    arrive: 3 days
    fields: {country: {DE: 3, US: 1}, timezone: Europe/Berlin, employees: {between: [200, 900]}}
    first: [{event: form_submitted, with: {form: trial}}]
    events:
      - {event: page_viewed, with: {url: /pricing}, per_day: 1, for: 5 days}
      - {event: form_submitted, with: {form: contact}, per_day: 0.5}
  - group: fair
    fields: {lead_source: trade fair}
events: [{event: page_viewed, with: {url: /blog}, per_day: 0.1}]
mail:
  open: 50%
  click: 20%
  unsubscribe: 5%
  after: 2 hours
  of: {welcome: {open: 100%, click: 60%}}
sales: {accept: 60%, reject: 20%, after: 40 minutes, touch: 80%, won: 50%, lost: 30%}
"""
SMALL = ("--leads", "24", "--days", "9", "--begin", "2026-03-02", "--step", "6 hours")
TINY = ("--leads", "8", "--days", "4")
"""For what is not about the figures."""


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspaces") / "new"
    assert invoke("init", folder).exit_code == 0
    (folder / "simulation.yaml").write_text(MODEL)
    return folder


def told(folder: Path, *words: str | Path) -> Result:
    return invoke("simulate", *SMALL, *words, "-w", folder)
