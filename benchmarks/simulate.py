"""A simulation of 100,000 leads over 90 days: how long it takes on one core, and its memory.

The starter workspace with a cohort of its own, most of it contacts who are nurtured for months; as
much goes to sales as its few reps can take.  The command runs in a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import children, ledgers
from benchmarks.figures import Figure
from benchmarks.workspaces import STARTER

LEADS, DAYS = 100_000, 90
MODEL = """\
leads:
  - group: trial
    weight: 20
    arrive: 75 days
    fields:
      country: {DE: 5, AT: 1, GB: 2}
      timezone: {Europe/Berlin: 3, Europe/London: 1}
      industry: [heating and cooling, electrical, facility services]
      employees: {between: [3, 300]}
    first: [{event: form_submitted, with: {form: trial}}]
    events:
      - {event: page_viewed, with: {url: /pricing}, per_day: 0.02, for: 30 days}
      - {event: plan_imported, per_day: 0.03, for: 14 days}
  - group: contacts
    weight: 80
    arrive: 60 days
    fields:
      lead_source: {trade fair: 1, newsletter: 3}
      country: {US: 2, DE: 1}
      timezone: {America/New_York: 2, Europe/Berlin: 1}
      employees: {between: [3, 300]}
events:
  - {event: page_viewed, with: {url: /blog}, per_day: 0.02}
mail: {open: 40%, click: 6%, reply: 0.3%, unsubscribe: 0.3%, after: 7 hours}
sales: {accept: 80%, reject: 12%, after: 1 hour, touch_after: 3 hours, close_after: 20 hours}
"""


def child(folder: str, leads: str) -> None:
    """The command in this process; its figures, time and peak memory."""
    from app.cli import main

    sys.argv = ["nurture", "simulate", "--leads", leads, "--days", str(DAYS),
                "--begin", "2026-03-02", "--workspace", folder, "--json"]  # fmt: skip
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    took = time.perf_counter() - began
    found = json.loads(said.getvalue())
    teams = found["figures"]["teams"]
    counts = {
        "mails": found["figures"]["mail"]["sent"],
        "handoffs": sum(team["opened"] for team in teams),
        "ticks": found["ticks"],
    }
    print(json.dumps(counts | {"seconds": took, "memory": ledgers.peak_memory()}))


def measure() -> Iterator[Figure]:
    """Seconds and MB of the whole command."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder = Path(place) / "workspace"
        shutil.copytree(STARTER, folder)
        (folder / "simulation.yaml").write_text(MODEL)
        said = children.ask("benchmarks.simulate", folder, LEADS, seconds=600)
    what = f"nurture simulate of {LEADS:,} leads, {DAYS} days in steps of an hour"
    detail = f"({said['mails']:,} mails, {said['handoffs']:,} handoffs, {said['ticks']:,} ticks)"
    yield Figure(what, said["seconds"], "s", at_most=300, detail=detail)
    yield Figure(f"memory of {what}", said["memory"], "MB", at_most=1000)


if __name__ == "__main__":
    child(*sys.argv[1:])
