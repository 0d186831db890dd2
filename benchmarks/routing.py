"""Routing 10,000 leads that crossed the line at once over 2,000 territory rules.

The rules are what territories are made of: a country with an industry, the first digits of a
postal code, a country with a size.  One pass opens all handoffs, in a process that never asked
before: building and compiling the statement counts.  A part of the leads is routed again in plain
Python, rule by rule, before anything is printed.  Beside it, how long the folder takes to be read
and checked.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.changes.applying import apply_workspace
from benchmarks import children, ledgers
from benchmarks.figures import Figure, same
from benchmarks.ledgers import NOW
from benchmarks.workspaces import STARTER
from handoff.routing.opening import open_handoffs
from nurture.language.applied.loading import load_definitions
from nurture.language.checks.validate import validate
from nurture.ledger.engine import Ledger, open_ledger

LEADS, RULES, RUNS = 10_000, 2_000, 3
EVERY = 20
"""One lead in so many is routed again in Python."""
TEAMS = ("enterprise", "smb")
PUT = (
    """UPDATE lead SET country = 'C' || (id % 45), phone = (id % 2500 + 10000) || '00',
       attributes = '{"industry": "Trade ' || (id % 53) || '", "employees": ' || (id % 30000) || '}'
    """,
    """INSERT INTO episode (lead_id, cause, reason, opened_at, score)
       SELECT id, 'threshold:mql', '80 points', :now, 80 FROM lead ORDER BY id""",
)


def rules() -> list[dict[str, Any]]:
    """Of ten rules five ask for a country and an industry, three for the first digits of a postal
    code (here in `phone`), two for a country and a size."""
    found: list[dict[str, Any]] = []
    for n in range(RULES):
        if n % 10 < 5:
            asked = {"country": f"c{n % 40}", "industry": f"trade {n // 40}"}
        elif n % 10 < 8:
            asked = {"phone": {"starts_with": str(10000 + n)}}
        else:
            asked = {"country": f"C{n % 45}", "employees": {"at_least": 15 * (RULES - n)}}
        found.append(asked)
    return found


def folder_with(folder: Path) -> Path:
    """The starter workspace with these rules in place of its own, and no brake."""
    shutil.copytree(STARTER, folder)
    file = folder / "handoff.yaml"
    head, _, rest = file.read_text().partition("routing:\n")
    tail = rest.partition("  - otherwise: smb\n")[2]
    lines = "".join(
        f"  - {{when: {_said(asked)}, team: {TEAMS[n % 2]}, reason: territory {n}}}\n"
        for n, asked in enumerate(rules())
    )
    said = f"{head}routing:\n{lines}  - otherwise: smb\n{tail}"
    file.write_text(re.sub(r"\nbrake: .+", "", said))
    return folder


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_said(each)}" for key, each in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def fill(ledger: Ledger) -> None:
    """Leads that all crossed the line and nobody in sales was told of."""
    with ledger.begin() as session:
        ledgers.put_leads(session, LEADS, now=NOW)
        for statement in PUT:
            cast = statement.replace("'{", "('{").replace("'}'", "'}')::jsonb")
            said = cast if ledger.dialect == "postgresql" else statement
            session.execute(text(said), {"now": int(NOW.timestamp()) * 1_000_000})


def by_hand(lead: int) -> int:
    """The number of the rule a lead meets first, counted from 1, worked out in plain Python."""
    country, postal = lead % 45, lead % 2500
    for n in range(RULES):
        if n % 10 < 5:
            holds = country == n % 40 and lead % 53 == n // 40
        elif n % 10 < 8:
            holds = postal == n
        else:
            holds = country == n % 45 and lead % 30000 >= 15 * (RULES - n)
        if holds:
            return n + 1
    return RULES + 1


def route(url: str) -> dict[str, float]:
    """Open every handoff; the seconds it took."""
    ledger = open_ledger(url)
    try:
        with ledger.begin() as session:
            definitions = load_definitions(session)
        began = time.perf_counter()
        with ledger.begin() as session:
            open_handoffs(session, definitions, now=NOW)
        return {"seconds": time.perf_counter() - began}
    finally:
        ledger.close()


def routed(url: str, folder: Path) -> float:
    """Seconds on a ledger made anew, in a process of its own; Unequal if a lead went elsewhere."""
    ledger = ledgers.fresh(url)
    try:
        apply_workspace(ledger, folder, now=NOW)
        fill(ledger)
        seconds = children.ask("benchmarks.routing", url)["seconds"]
        with ledger.looking() as session:
            rows = session.execute(text("SELECT lead_id, path FROM handoff"))
            paths = {lead: int(path.rpartition("/")[2]) for lead, path in rows}
    finally:
        ledger.close()
    asked = range(1, LEADS + 1, EVERY)
    wanted = {f"lead {lead}": by_hand(lead) for lead in asked}
    seen = {f"lead {lead}": paths.get(lead) for lead in asked}
    same(wanted | {"leads": LEADS}, seen | {"leads": len(paths)}, where=url.partition(":")[0])
    return seconds


def measure() -> Iterator[Figure]:
    """Seconds for all leads, on each database, and for reading the rules."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder = folder_with(Path(place) / "workspace")
        began = time.perf_counter()
        problems = validate(folder).problems
        read = time.perf_counter() - began
        same({"problems": 0}, {"problems": len(problems)}, where="validate")
        yield Figure(f"{RULES:,} territory rules read and checked", read, "s", at_most=5)
        with ledgers.ledgers() as found:
            for name, url in found:
                seconds = [routed(url, folder) for _ in range(RUNS)]
                yield Figure(
                    f"{name}: {LEADS:,} leads routed over {RULES:,} territory rules",
                    max(seconds), "s", at_most=3,
                    detail=f"(the slowest of {RUNS}; the fastest {min(seconds):.2f} s)",
                )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(route(*sys.argv[1:])))
