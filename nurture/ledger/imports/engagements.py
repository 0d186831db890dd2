"""Engagements from a CSV or JSONL file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nurture.ledger.engine import Ledger
from nurture.ledger.imports import reading
from nurture.ledger.imports.report import ImportReport, Progress, Rejects
from nurture.ledger.imports.values import attribute
from nurture.ledger.intake import arrivals
from nurture.ledger.intake.incoming import EXTERNAL, EngagementIn, read_engagements

FIELDS = ("source", "key", "kind", "lead", "email", "external_id", "occurred_at", "properties")
NEEDS = (("lead", "email", "external_id"), ("occurred_at",))


def import_engagements(
    ledger: Ledger,
    path: Path,
    *,
    mapping: Mapping[str, str],
    now: datetime,
    reject_path: Path,
    create_leads: bool = False,
    source: str = "import",
    kind: str = "",
    zone: ZoneInfo | None = None,
    progress: Progress | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
) -> ImportReport:
    """Take in an engagement for every row: kind, lead (or email or external_id), occurred_at, and
    every other column as a property; JSONL rows may have the shape of the API.

    Without a key a row is known by the file's name and its content, so repeating the import adds
    nothing.  `source` and `kind` are those of rows that name none.  Instants without a zone are
    refused unless `zone` says whose clock they were read from.  Transactions, errors and rejects
    as in `import_leads`.
    """
    total = reading.total_lines(path, encoding)
    rejects = Rejects(reject_path)
    report = ImportReport()
    needs = NEEDS if kind else (*NEEDS, ("kind",))
    file = reading.File(path, mapping, FIELDS, encoding, delimiter, needs)
    unnamed = {"source": source} | ({"kind": kind} if kind else {})
    try:
        for count, batch in reading.batches(file, rejects):
            report.read += count
            raw = [_raw(said, path.name, unnamed, zone) for said in batch]
            _take(ledger, batch, raw, report, rejects, now=now, create_leads=create_leads)
            if progress is not None:
                progress(report.read, total)
    finally:
        report.rejected = rejects.count
        report.reject_file = rejects.close()
    return report


def _take(
    ledger: Ledger,
    batch: list[reading.Said],
    raw: list[dict[str, Any]],
    report: ImportReport,
    rejects: Rejects,
    *,
    now: datetime,
    create_leads: bool,
) -> None:
    read, refused = read_engagements(raw)
    problems: dict[int, list[str]] = {}
    for position, field, problem, allowed in refused:
        problems.setdefault(position, []).append(f"{field} {problem} (allowed: {allowed})")
    engagements: list[EngagementIn] = [engagement for _, engagement in read]
    if engagements:
        with ledger.begin() as session:
            result = arrivals.take(session, engagements, now=now, create_leads=create_leads)
        for position, field, problem, allowed in result.refused:
            place = read[position][0]
            problems.setdefault(place, []).append(f"{field} {problem} (allowed: {allowed})")
        report.imported += result.accepted
        report.unchanged += result.duplicates
        report.parked += result.parked
    for place in sorted(problems):
        rejects.add(batch[place].line, "; ".join(problems[place]), batch[place].cells)
    rejects.flush()


def _raw(
    said: reading.Said, file_name: str, unnamed: Mapping[str, str], zone: ZoneInfo | None
) -> dict[str, Any]:
    """A row in the shape of the API; `unnamed` are the fields of rows that name none."""
    fields = {name: text.strip() for name, text in said.fields.items() if text.strip()}
    fields = {**unnamed, **fields}
    external = fields.get("external_id")
    lead = (
        fields.get("lead") or fields.get("email") or (f"{EXTERNAL}{external}" if external else "")
    )
    made: dict[str, Any] = {
        "source": fields["source"],
        "key": fields.get("key") or _key(file_name, said),
        "properties": _properties(said),
    }
    if lead:
        made["lead"] = lead
    if kind := fields.get("kind"):
        made["kind"] = kind
    if at := fields.get("occurred_at"):
        made["occurred_at"] = _in_zone(at, zone)
    return made


def _key(file_name: str, said: reading.Said) -> str:
    content = "\x1f".join([file_name, *map(str, said.cells)])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _in_zone(text: str, zone: ZoneInfo | None) -> str | datetime:
    if zone is None:
        return text
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return text
    return read if read.tzinfo is not None else read.replace(tzinfo=zone)


def _properties(said: reading.Said) -> Any:
    """The object under `properties`, with every column of no other meaning beside it."""
    found: dict[str, Any] = {}
    if whole := said.fields.get("properties", "").strip():
        try:
            given = json.loads(whole)
        except json.JSONDecodeError:
            return whole  # refused in words, with what is allowed
        if not isinstance(given, dict):
            return given
        found |= given
    for name, value in said.attributes.items():
        kept = attribute(name, value, {}) if isinstance(value, str) else value
        if kept is not None:
            found[name] = kept
    return found
