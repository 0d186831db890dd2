"""Many leads put into the ledger at once: new ones made, known ones changed, none doubled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, or_, select, update
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.crm_marks import marking
from nurture.ledger.errors import Conflict
from nurture.ledger.intake import arrivals, gate
from nurture.ledger.intake.lead_rows import LeadRow
from nurture.ledger.statements import bulk, upsert
from nurture.ledger.statements.given import in_given
from nurture.ledger.types import to_micros

KEPT = (
    "email",
    "external_id",
    "first_name",
    "last_name",
    "company",
    "job_title",
    "phone",
    "country",
    "language",
    "timezone",
    "lifecycle",
)
NOTHING: dict[str, str | None] = {
    "email": None,
    "external_id": None,
    "timezone": None,
    "lifecycle": "lead",
}
EMPTY: dict[str, str | None] = {name: NOTHING.get(name, "") for name in KEPT}


@dataclass
class PutResult:
    """What became of the rows; `rejected` says why, by position."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Lead:
    """A lead as it stands while the rows are walked; `number` is None until it is written."""

    number: int | None
    values: dict[str, str | None]
    attributes: dict[str, Any]
    tags: set[str] = field(default_factory=set)
    new_tags: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    renamed: bool = False

    def name(self) -> str:
        shown = self.values["email"] or f"id:{self.values['external_id']}"
        return f"{shown} (lead {self.number})" if self.number else f"{shown} (new)"


def put_leads(
    session: Session, rows: Sequence[LeadRow], *, now: datetime, reason: str = "import"
) -> PutResult:
    """Make or change one lead a row, known by address or external id; repeating changes nothing.

    A field not said stays as it is; attributes are merged, tags added.  Changed and new leads are
    touched, changes of known leads recorded with the reason, parked engagements adopted.  A row
    whose address is one lead's and whose external id is another's is rejected with both named.
    Statements do not depend on the number of rows (a few thousand at most: split larger files).
    """
    gate.close(session)
    known = _Register(_existing(session, rows))
    result = PutResult()
    for position, row in enumerate(rows):
        lead, problem = known.find(row)
        if problem:
            result.rejected.append((position, problem))
        elif lead is None:
            known.add(_made(row))
            result.imported += 1
        elif known.merge(lead, row):
            result.updated += 1
        else:
            result.unchanged += 1
    _write(session, known.leads, now=now, reason=reason)
    return result


class _Register:
    """The leads at hand, found by address and by external id."""

    def __init__(self, leads: Iterable[_Lead]) -> None:
        self.leads: list[_Lead] = []
        self.by_email: dict[str, _Lead] = {}
        self.by_external: dict[str, _Lead] = {}
        for lead in leads:
            self.add(lead)

    def add(self, lead: _Lead) -> None:
        self.leads.append(lead)
        self._enter(lead)

    def _enter(self, lead: _Lead) -> None:
        if email := lead.values["email"]:
            self.by_email[email.casefold()] = lead
        if external := lead.values["external_id"]:
            self.by_external[external] = lead

    def find(self, row: LeadRow) -> tuple[_Lead | None, str]:
        """The row's lead, or why it cannot be told."""
        first = self.by_email.get(row.email_key) if row.email_key else None
        second = self.by_external.get(row.external_id) if row.external_id else None
        if first and second and first is not second:
            return None, (
                f"{row.email} is the address of {first.name()}, but external id "
                f"{row.external_id} is that of {second.name()}"
            )
        theirs = first.values["external_id"] if first else None
        if first and not second and row.external_id and theirs:
            return None, (
                f"{row.email} is the address of {first.name()}, whose external id is {theirs}, "
                f"not {row.external_id}"
            )
        return first or second, ""

    def merge(self, lead: _Lead, row: LeadRow) -> bool:
        """Write what the row says into the lead; True if that changed anything."""
        before = len(lead.changes) + len(lead.new_tags)
        said: dict[str, str] = dict(row.fields)
        if row.external_id:
            said["external_id"] = row.external_id
        if row.email:
            said["email"] = row.email
        for name, new in said.items():
            old = lead.values[name]
            if old != new:
                lead.values[name] = new
                lead.changes.append((name, old or "", new))
                if name in ("email", "external_id"):
                    if name == "email" and old:
                        self.by_email.pop(old.casefold(), None)
                    lead.renamed = True
                    self._enter(lead)
        for name, value in row.attributes.items():
            was = lead.attributes.get(name)
            if was != value or isinstance(was, bool) != isinstance(value, bool):
                lead.attributes[name] = value
                lead.changes.append((name, "" if was is None else str(was), str(value)))
        for tag in row.tags:
            if tag not in lead.tags:
                lead.tags.add(tag)
                lead.new_tags.append(tag)
        return len(lead.changes) + len(lead.new_tags) > before


def _made(row: LeadRow) -> _Lead:
    values = EMPTY | dict(row.fields) | {"email": row.email, "external_id": row.external_id}
    return _Lead(None, values, dict(row.attributes), set(row.tags), list(row.tags))


def _existing(session: Session, rows: Sequence[LeadRow]) -> list[_Lead]:
    """The leads of the rows' addresses and external ids, with their tags if tags are said."""
    lead = _table(t.Lead)
    emails = [row.email_key for row in rows if row.email_key]
    externals = [row.external_id for row in rows if row.external_id]
    columns = [lead.c[name] for name in KEPT]
    statement = select(lead.c.id, lead.c.attributes, *columns).where(
        or_(lead.c.email_key.in_(emails), lead.c.external_id.in_(externals))
    )
    found = [
        _Lead(row[0], dict(zip(KEPT, row[2:], strict=True)), dict(row[1]))
        for row in session.execute(statement)
    ]
    if found and any(row.tags for row in rows):
        tags = select(col(t.LeadTag.lead_id), col(t.LeadTag.tag)).where(
            col(t.LeadTag.lead_id).in_([known.number for known in found])
        )
        by_number = {known.number: known for known in found}
        for number, tag in session.execute(tags):
            by_number[number].tags.add(tag)
    return found


def _write(session: Session, leads: Sequence[_Lead], *, now: datetime, reason: str) -> None:
    at = to_micros(now)
    new = [lead for lead in leads if lead.number is None]
    changed = [lead for lead in leads if lead.number and (lead.changes or lead.new_tags)]
    if changed:
        _update(session, changed, now)
        changes = [
            (lead.number, at, name, old, value, reason, "")
            for lead in changed
            for name, old, value in lead.changes
        ]
        columns = ("lead_id", "at", "field", "old", "new", "reason", "path")
        bulk.insert_all(session, t.Change, columns, changes)
        bulk.insert_all(session, t.Touch, ("lead_id",), [(lead.number,) for lead in changed])
        moved = [lead for lead in changed if any(name == "lifecycle" for name, *_ in lead.changes)]
        if moved:
            number = _table(t.Lead).c.id
            given = in_given(number, "numbers")
            numbers = {"numbers": [lead.number for lead in moved]}
            session.execute(marking(select(number).where(given)), numbers)
    if new:  # after the changes: a new lead may carry the address a known one has given up
        _insert(session, new, at)
    tags = [(lead.number, tag, at, reason) for lead in leads for tag in lead.new_tags]
    bulk.insert_all(session, t.LeadTag, ("lead_id", "tag", "added_at", "reason"), tags)


def _insert(session: Session, leads: Sequence[_Lead], at: int) -> None:
    """Make the leads, touch them, give them what was parked for them, and note their numbers."""
    table = _table(t.Lead)
    columns = ("email", "email_key", *KEPT[1:10], "attributes", "lifecycle", "created_at",
               "updated_at")  # fmt: skip
    rows = []
    for lead in leads:
        values = lead.values
        email = values["email"]
        key = email.casefold() if email else None
        texts = [values[name] for name in KEPT[1:10]]
        said = bulk.document(lead.attributes)
        rows.append((email, key, *texts, said, values["lifecycle"], at, at))
    before, made = bulk.insert_once(session, t.Lead, columns, rows)
    if made != len(rows):
        raise Conflict(f"{len(rows) - made} of the leads were made by somebody else meanwhile")
    fresh = select(table.c.id).where(table.c.id > before)
    ticks.touch(session, fresh)
    arrivals.adopt_parked(session, fresh)
    if any(lead.new_tags for lead in leads):
        found = session.execute(
            select(table.c.id, table.c.email_key, table.c.external_id).where(table.c.id > before)
        )
        numbers: dict[tuple[Any, ...], int] = {(e, x): number for number, e, x in found}
        for lead in leads:
            email = lead.values["email"]
            key = email.casefold() if email else None
            lead.number = numbers[key, lead.values["external_id"]]


def _update(session: Session, leads: Sequence[_Lead], now: datetime) -> None:
    table = _table(t.Lead)
    names = ("email_key", *KEPT, "attributes", "updated_at")
    statement = (
        update(table)
        .where(table.c.id == bindparam("number"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    rows = []
    for lead in leads:
        email = lead.values["email"]
        said: dict[str, Any] = {f"new_{name}": value for name, value in lead.values.items()}
        said["new_email_key"] = email.casefold() if email else None
        rows.append(
            said | {"number": lead.number, "new_attributes": lead.attributes, "new_updated_at": now}
        )
    renamed = [lead.number for lead in leads if lead.renamed]
    if renamed:  # addresses may change hands among them: all are put down before any is taken up
        nobody = {"email": None, "email_key": None, "external_id": None}
        session.execute(update(table).where(table.c.id.in_(renamed)).values(nobody))
    session.connection().execute(statement, rows)
    if renamed:
        arrivals.adopt_parked(session, select(table.c.id).where(table.c.id.in_(renamed)))


def _table(model: type[Any]) -> Table:
    table = upsert.table_of(model)
    assert isinstance(table, Table)
    return table
