"""One lead: found, changed, listened to when it says what it wants to hear."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nurture.ledger import crm_marks
from nurture.ledger import tables as t
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused, InputRefused, NotFound
from nurture.ledger.intake.incoming import EXTERNAL
from nurture.ledger.intake.lead_rows import LIFECYCLES, LeadRow, clean, known_zone, read_lead
from nurture.ledger.intake.putting import KEPT, PutResult, put_leads
from nurture.ledger.statements import upsert

__all__ = ["LeadRow", "PutResult", "put_leads", "read_lead"]


def find_lead(session: Session, who: str) -> t.Lead:
    """The lead of an address or of `id:<external id>`; raises NotFound with what was looked for."""
    if who.startswith(EXTERNAL):
        external = who[len(EXTERNAL) :]
        found = session.execute(
            select(t.Lead).where(col(t.Lead.external_id) == external)
        ).scalar_one_or_none()
        looked_for = f"external id {external}"
    else:
        try:
            key = normal_address(who).key
        except AddressRefused as refusal:
            raise NotFound(f"{refusal} Give an address, or id: and the external id.") from refusal
        found = session.execute(
            select(t.Lead).where(col(t.Lead.email_key) == key)
        ).scalar_one_or_none()
        looked_for = f"address {key}"
    if found is None:
        raise NotFound(f"There is no lead with the {looked_for}")
    lead: t.Lead = found
    return lead


def lead_by_number(session: Session, lead_id: int) -> t.Lead:
    """The lead of a number; raises NotFound."""
    lead = session.get(t.Lead, lead_id)
    if lead is None:
        raise NotFound(f"There is no lead number {lead_id}")
    return lead


def opt_out(
    session: Session, lead_id: int, topic: str | None, *, now: datetime, reason: str
) -> bool:
    """The lead wants no more mail about a topic, or none at all (`topic` None: its address is
    suppressed, whatever lead carries it).  True if that is new; the lead is touched then.
    """
    if topic is not None:
        return _consent(session, lead_id, topic, subscribed=False, now=now, reason=reason)
    lead = lead_by_number(session, lead_id)
    new = False
    if lead.email_key:
        row = {"email_key": lead.email_key, "kind": "unsubscribed", "since": now, "reason": reason}
        new = upsert.insert_new_values(session, t.Suppression, [row]) == 1
    if new:
        _note(session, lead_id, "subscribed", "yes", "no", now=now, reason=reason)
    return new


def opt_in(session: Session, lead_id: int, topic: str, *, now: datetime, reason: str) -> bool:
    """The lead wants to hear about a topic; True if that is new.

    An address that unsubscribed from everything is written to again; one that bounced, complained
    or was erased stays suppressed.
    """
    lead = lead_by_number(session, lead_id)
    known = session.get(t.Suppression, lead.email_key) if lead.email_key else None
    lifted = known is not None and known.kind == "unsubscribed"
    if lifted:
        session.delete(known)
        _note(session, lead_id, "subscribed", "no", "yes", now=now, reason=reason)
    said = _consent(session, lead_id, topic, subscribed=True, now=now, reason=reason)
    return said or lifted


def _consent(
    session: Session, lead_id: int, topic: str, *, subscribed: bool, now: datetime, reason: str
) -> bool:
    known = session.get(t.Consent, (lead_id, topic))
    if known is not None and known.subscribed == subscribed:
        return False
    old = "" if known is None else _yes(known.subscribed)
    row = {
        "lead_id": lead_id,
        "topic": topic,
        "subscribed": subscribed,
        "decided_at": now,
        "reason": reason,
    }
    upsert.upsert_values(session, t.Consent, ("lead_id", "topic"), [row])
    if known is not None:
        session.expire(known)
    _note(session, lead_id, f"topic {topic}", old, _yes(subscribed), now=now, reason=reason)
    return True


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def change_field(
    session: Session,
    lead_id: int,
    field: str,
    value: Any,
    *,
    now: datetime,
    reason: str,
    path: str = "",
) -> bool:
    """Set one field or attribute of one lead, with a line in its history; True if it changed.

    None or '' takes an attribute away.  Raises NotFound, InputRefused.
    """
    lead = lead_by_number(session, lead_id)
    if field in ("email", "external_id"):
        raise InputRefused(f"{field} tells leads apart: import a row with both to change it")
    if field in KEPT:
        value = _checked(field, "" if value is None else str(value))
        old = getattr(lead, field)
        if old == value:
            return False
        setattr(lead, field, value)
    else:
        old = lead.attributes.get(field)
        if old == value and isinstance(old, bool) == isinstance(value, bool):
            return False
        kept = {name: item for name, item in lead.attributes.items() if name != field}
        lead.attributes = kept if value in (None, "") else kept | {field: value}
    lead.updated_at = now
    if field == "lifecycle":
        session.flush()
        crm_marks.mark(session, select(col(t.Lead.id)).where(col(t.Lead.id) == lead_id))
    old_text, new_text = _shown(old), _shown(value)
    _note(session, lead_id, field, old_text, new_text, now=now, reason=reason, path=path)
    return True


def change_tags(
    session: Session,
    lead_id: int,
    *,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    now: datetime,
    reason: str,
) -> bool:
    """Tag one lead and take tags off it, with a touch; True if that changed any."""
    changed = False
    for tag in dict.fromkeys((*remove, *add)):
        known = session.get(t.LeadTag, (lead_id, tag))
        if tag in add and known is None:
            session.add(t.LeadTag(lead_id=lead_id, tag=tag, added_at=now, reason=reason))
        elif tag not in add and known is not None:
            session.delete(known)
        else:
            continue
        changed = True
    if changed:
        session.add(t.Touch(lead_id=lead_id))
        session.flush()
    return changed


def _checked(field: str, text: str) -> str | None:
    text = clean(text, field)
    if field == "timezone":
        return known_zone(text) if text else None
    if field == "lifecycle" and text not in LIFECYCLES:
        raise InputRefused(f"lifecycle “{text}” is not known: one of {', '.join(LIFECYCLES)}")
    return text


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _note(
    session: Session,
    lead_id: int,
    field: str,
    old: str,
    new: str,
    *,
    now: datetime,
    reason: str,
    path: str = "",
) -> None:
    """A line in the lead's history, and a touch."""
    session.add(
        t.Change(lead_id=lead_id, at=now, field=field, old=old, new=new, reason=reason, path=path)
    )
    session.add(t.Touch(lead_id=lead_id))
    session.flush()
