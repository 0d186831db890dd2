"""No statement of a tick walks through a table that grows with all leads, on a SQLite ledger of any
size: the plans are asked of SQLite itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.settings import Settings
from app.wiring import open_workspace
from benchmarks import workspaces
from flows import tick as ticking
from flows.runtime import Runtime
from insight.listing import unknown_messages
from nurture.delivery.sweep import sweep
from nurture.ledger.intake.arrivals import take
from nurture.ledger.intake.incoming import EngagementIn

LARGE = (
    "lead", "lead_tag", "enrolment", "decision", "engagement", "score_entry", "message", "episode",
    "handoff", "clock", "rung", "change", "consent", "suppression",
)  # fmt: skip
FEW = "recheck|watch|lease|due|queue|running|open|untold|held|look|unknown"
"""Partial indexes that hold what waits, is in hand or is open, never what is over."""
WALK = re.compile(rf"SCAN (\w+)(?! USING (?:COVERING )?INDEX (?!enrolment)\w+_(?:{FEW})\b)\b")
VAGUE = re.compile(r"SEARCH (enrolment) USING INDEX enrolment_due \(definition_id=\?\)")
"""All who stand in a version of a sequence; only whether there is one may be asked."""
Said = dict[str, Any]


@contextmanager
def heard(engine: Engine, *others: Engine) -> Iterator[Said]:
    """The statements executed meanwhile, each with parameters it was given."""
    said: Said = {}

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            said.setdefault(statement, values[0] if many else values)

    for each in (engine, *others):
        event.listen(each, "before_cursor_execute", note)
    yield said
    for each in (engine, *others):
        event.remove(each, "before_cursor_execute", note)


def walks(runtime: Runtime, said: Said) -> list[str]:
    """Statements that walk, each with the line of its plan that says so."""
    found = []
    with runtime.ledger.engine.connect() as connection:
        for statement, values in said.items():
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
                walk = WALK.search(row[-1])
                if "definition.active" not in statement:
                    walk = walk or VAGUE.search(row[-1])
                # A table the statement does not name is looked at for foreign keys alone.
                if walk and walk[1] in LARGE and re.search(rf"\b{walk[1]}\b", statement):
                    found.append(f"{row[-1]}: {statement}")
    return found


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    workspaces.make(tmp_path / "workspace", leads=60)
    with open_workspace(tmp_path / "workspace", Settings()) as opened:
        ticking.run_tick(opened, now=opened.clock())
        yield opened


def engage(runtime: Runtime, round_: int, kind: str, **properties: str) -> None:
    now = runtime.clock()
    batch = [
        EngagementIn(
            source="website", key=f"{kind}-{round_}-{lead}", kind=kind,
            lead=f"lead{lead}@example.test", occurred_at=now, properties=properties,
        )
        for lead in range(1, 13)
    ]  # fmt: skip
    with runtime.ledger.begin() as session:
        take(session, batch, now=now, create_leads=False)


def test_ticks_and_looks_lean_on_indexes(runtime: Runtime) -> None:
    reader = runtime.ledger._reader
    with heard(runtime.ledger.engine, reader) as said:
        engage(runtime, 1, "form_submitted", form="trial")
        engage(runtime, 1, "page_viewed", url="/pricing")
        first = ticking.run_tick(runtime, now=runtime.clock())
        engage(runtime, 2, "form_submitted", form="contact")
        second = ticking.run_tick(runtime, now=runtime.clock())
        later = ticking.run_tick(runtime, now=runtime.clock() + timedelta(days=4))
        with runtime.ledger.looking() as session:
            ticking.next_due(session, runtime, now=runtime.clock())
            unknown_messages(session)
        with runtime.ledger.begin() as session:
            sweep(session, now=runtime.clock() + timedelta(days=5))
    assert not first.failures + second.failures + later.failures
    done = {what for what, _ in (first.tally + second.tally + later.tally).counts}
    assert {"scored", "sent", "handoffs opened", "reached the stage"} <= done, done
    assert len(said) > 100
    found = walks(runtime, said)
    assert not found, "\n".join(found)
