"""Leads from a CSV or JSONL file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused
from nurture.ledger.imports import reading
from nurture.ledger.imports.report import ImportReport, Progress, Rejects
from nurture.ledger.imports.values import TYPES, attribute
from nurture.ledger.intake.lead_rows import FIELDS, LeadRow, read_lead
from nurture.ledger.intake.putting import put_leads

NEEDS = (("email", "external_id"),)


def import_leads(
    ledger: Ledger,
    path: Path,
    *,
    mapping: Mapping[str, str],
    field_types: Mapping[str, str],
    now: datetime,
    reject_path: Path,
    progress: Progress | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
) -> ImportReport:
    """Make or change a lead for every row of a file.

    `mapping` says field → column, or a template over columns (`{id}@example.test`); a column named
    like a standard field maps itself, every other becomes an attribute.  `field_types` declares
    attributes (text, number, yes_no, date); one that is not declared may be mapped to if no field
    is called nearly so.  A few thousand rows are one transaction: after a kill
    the same import finishes the job.  Raises InputRefused when the file as a whole cannot be read
    (then nothing was imported); rows that cannot be taken are in the reject file.
    """
    if wrong := next((kind for kind in field_types.values() if kind not in TYPES), None):
        raise InputRefused(f"{wrong} is no type of field: one of {', '.join(TYPES)}")
    _refuse_slips(mapping, [*FIELDS, *field_types])
    total = reading.total_lines(path, encoding)
    rejects = Rejects(reject_path)
    report = ImportReport()
    file = reading.File(path, mapping, FIELDS, encoding, delimiter, NEEDS)
    try:
        for count, batch in reading.batches(file, rejects):
            report.read += count
            _put(ledger, batch, report, rejects, field_types, now=now, reason=f"import {path.name}")
            if progress is not None:
                progress(report.read, total)
    finally:
        report.rejected = rejects.count
        report.reject_file = rejects.close()
    return report


def _refuse_slips(mapping: Mapping[str, str], fields: Sequence[str]) -> None:
    """Who writes `emial=Mail` would get an attribute of that name, and leads without an address."""
    for name in mapping:
        near = [] if name in fields else difflib.get_close_matches(name, fields, 1, 0.7)
        if near:
            raise InputRefused(
                f"There is no field {name!r}. Did you mean {near[0]!r}? If not, write yours under "
                "fields of nurture.yaml."
            )


def _put(
    ledger: Ledger,
    batch: list[reading.Said],
    report: ImportReport,
    rejects: Rejects,
    types: Mapping[str, str],
    *,
    now: datetime,
    reason: str,
) -> None:
    good: list[reading.Said] = []
    rows: list[LeadRow] = []
    for said in batch:
        try:
            rows.append(_lead(said, types))
            good.append(said)
        except InputRefused as refusal:
            rejects.add(said.line, str(refusal), said.cells)
    if not rows:
        return
    with ledger.begin() as session:
        result = put_leads(session, rows, now=now, reason=reason)
    for position, problem in result.rejected:
        rejects.add(good[position].line, problem, good[position].cells)
    rejects.flush()
    report.imported += result.imported
    report.updated += result.updated
    report.unchanged += result.unchanged


def _lead(said: reading.Said, types: Mapping[str, str]) -> LeadRow:
    attributes: dict[str, Any] = {}
    for name, found in said.attributes.items():
        if isinstance(found, str):
            value = attribute(name, found, types)
            if value is not None:
                attributes[name] = value
        elif isinstance(found, (int, float)):
            attributes[name] = found if name not in types else attribute(name, str(found), types)
        else:
            raise InputRefused(f"{name} is a {type(found).__name__}: a field has one plain value")
    return read_lead(said.fields, attributes)
