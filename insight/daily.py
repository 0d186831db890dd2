"""The day's report: the figures people ask for every morning, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from insight import funnel, service
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger


def report(ledger: Ledger, definitions: Definitions, *, now: datetime) -> str:
    """Funnel, mail, handoffs and clocks as of `now`."""
    with ledger.begin() as session:
        parts: list[tuple[str, Sequence[Any]]] = [
            ("Funnel", funnel.funnel(session, definitions)),
            ("Mail", funnel.mail(session)),
            ("Subjects", funnel.variants(session)),
            ("Handoffs", service.handoffs(session)),
            ("SLA clocks", service.clocks(session, now=now)),
        ]
    told = [f"# {definitions.workspace.brand}, {now:%d %B %Y %H:%M} UTC"]
    for title, lines in parts:
        told += ["", f"## {title}", "", _table(lines) if lines else "Nothing yet."]
    return "\n".join(told)


def _table(lines: Sequence[Any]) -> str:
    names = [field.name for field in fields(lines[0])]
    rows = [[name.replace("_", " ") for name in names], ["---"] * len(names)]
    rows += [[_cell(getattr(line, name)) for name in names] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: Any) -> str:
    return str(value if value is not None else "").replace("|", "\\|")
