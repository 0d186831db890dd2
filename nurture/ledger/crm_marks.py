"""Marks: something a CRM is to hold of a lead changed.

A mark is a row of its own, written by the transaction that makes the change: whoever sees the mark
sees the change, in whatever order transactions commit, and no two wait for each other.  While
handoff.yaml names no CRM nothing is written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Insert, Select, exists, insert
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.upsert import table_of

MARK = table_of(t.CrmMark)
CRM = table_of(t.Crm)


def marking(leads: Select[Any]) -> Insert:
    """Mark the leads of a query of their numbers."""
    wanted = exists().select_from(CRM).where(CRM.c.name != "")
    return insert(MARK).from_select(["lead_id"], leads.where(wanted))


def mark(session: Session, leads: Select[Any]) -> int:
    """The same at once; returns how many."""
    return changed(session, marking(leads))
