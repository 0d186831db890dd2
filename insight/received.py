"""What reached people in a tick, by the numbers of messages: mails to leads, offers to reps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.statements import bulk
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.upsert import table_of

M = table_of(t.Message).c
H = table_of(t.Handoff).c
R = table_of(t.Rep).c
L = table_of(t.Lead).c
OFFERS = ("offered", "given")
"""The notices that tell a rep of a lead."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A nurture mail a lead was sent."""

    id: int
    lead_id: int
    template: str
    handed_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A handoff as the rep who has it was told of it; `hours` and `zone` are when they work."""

    id: int
    lead_id: int
    generation: int
    handed_at: datetime
    rep: str
    hours: str
    zone: str


_MAILS = (
    select(M.id, M.lead_id, M.template, M.handed_at)
    .where(in_given(M.id, "ids"), M.kind == "nurture")
    .order_by(M.lead_id, M.id)
)
_OFFERS = (
    select(H.id, H.lead_id, H.generation, M.handed_at, H.rep, R.hours, R.zone)
    .join_from(table_of(t.Message), table_of(t.Handoff), H.id == M.handoff_id)
    .join(table_of(t.Rep), R.rep == H.rep)
    .where(
        in_given(M.id, "ids"),
        M.kind == "notice",
        M.template.in_(OFFERS),
        M.occurrence == H.generation,
    )
    .order_by(H.lead_id)
)


def mails(session: Session, messages: Sequence[int]) -> list[Mail]:
    """The mails to leads among these messages, in the order of their leads."""
    return [Mail(*row) for row in session.execute(_MAILS, {"ids": messages})]


def offers(session: Session, messages: Sequence[int]) -> list[Offer]:
    """The offers to reps among these messages that still stand, in the order of their leads."""
    return [Offer(*row) for row in session.execute(_OFFERS, {"ids": messages})]


def numbers(session: Session, address_keys: Sequence[str]) -> dict[str, int]:
    """Which lead has which address."""
    return bulk.numbers_of(session, t.Lead, "email_key", address_keys)


def everybody(session: Session) -> list[int]:
    """The numbers of all leads, in order."""
    return list(session.execute(select(L.id).order_by(L.id)).scalars())
