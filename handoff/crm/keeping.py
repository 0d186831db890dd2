"""The CRM of the applied handoff.yaml: a row while there is one, and what it knows of what it was.

Another system, or another address, knows nothing of what the last one was told: everything begins
anew.  Where only things are called otherwise, leads with sales are told again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, case, delete, or_, select, true, update
from sqlmodel import Session

from handoff.tables import CRM, CRM_MARK, CRM_RECORD, HANDOFF, LEAD, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.crm import CrmModel
from nurture.ledger import crm_marks
from nurture.ledger import tables as t
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.plans import among

NAME = "crm"


NONE = "No CRM: handoff.yaml, as applied, has no crm."


def model_of(definitions: Definitions) -> CrmModel | None:
    """`crm:` of what is applied."""
    return None if definitions.handoff is None else definitions.handoff.crm


def system_of(model: CrmModel) -> str:
    """Which CRM it is: another system, or another address, is another one."""
    return _digest(f"{model.system} {model.url or ''}")


def keep_crm(session: Session, definitions: Definitions, *, now: datetime) -> None:
    """Bring the CRM's row to what is applied; of a new one, mark the leads that are with sales.

    Without `crm:` nothing is left of one.
    """
    model, kept = model_of(definitions), _locked(session)
    if model is None:
        if kept is not None:
            forget(session)
        return
    system = system_of(model)
    mapping = _digest(model.model_dump_json(exclude={"pull"}))
    if kept is None or kept.system != system:
        forget(session)
        pull_at = _next_pull(model, None, now)
        session.add(t.Crm(name=NAME, system=system, mapping=mapping, pull_at=pull_at))
        session.flush()
    else:
        same = kept.mapping == mapping
        kept.mapping, kept.pull_at = mapping, _next_pull(model, kept.pull_at, now)
        session.flush()
        if same:
            return
    crm_marks.mark(session, select(HANDOFF.c.lead_id).where(among(HANDOFF.c.state, OPEN)))


def forget(session: Session) -> None:
    """Nothing was ever told to a CRM; what one said stays said."""
    for table in (CRM_MARK, CRM_RECORD, CRM):
        session.execute(delete(table))
    session.expire_all()


def push_lead(session: Session, lead: int, *, now: datetime) -> bool:
    """Tell the CRM of one lead anew, whatever it was told; False where there is no CRM."""
    _anew(session, CRM_RECORD.c.lead_id == lead, now=now)
    return bool(crm_marks.mark(session, select(LEAD.c.id).where(LEAD.c.id == lead)))


def push_failed(session: Session, *, now: datetime) -> int:
    """Tell the CRM once more of the leads it refused; returns how many."""
    return _anew(session, CRM_RECORD.c.state == "failed", now=now)


def push_all(session: Session, *, now: datetime) -> int:
    """Tell the CRM anew of every lead it was told of, or that ever was with sales; returns how
    many."""
    _anew(session, true(), now=now)
    known = (LEAD.c.id.in_(select(each.c.lead_id)) for each in (CRM_RECORD, HANDOFF))
    return crm_marks.mark(session, select(LEAD.c.id).where(or_(*known)))


def _anew(session: Session, which: ColumnElement[bool], *, now: datetime) -> int:
    """Forget what was told: what is in hand is told once more after that."""
    _locked(session)
    held = CRM_RECORD.c.state == "claimed"
    anew = update(CRM_RECORD).where(which).values(
        state=case((held, CRM_RECORD.c.state), else_="due"),
        again=True, due_at=now, attempts=0, digest="",
    )  # fmt: skip
    return changed(session, anew)


def _locked(session: Session) -> t.Crm | None:
    """The CRM's row, before any record of it: as passes do."""
    return session.get(t.Crm, NAME, with_for_update=True)


def _next_pull(model: CrmModel, planned: datetime | None, now: datetime) -> datetime | None:
    if model.system == "webhook":
        return None
    soonest: timedelta = model.pull
    return now if planned is None else min(planned, now + soonest)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
