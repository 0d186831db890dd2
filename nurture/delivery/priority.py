"""Which of a lead's due mails goes first: that of the sequence with the higher priority."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func, literal, select

from nurture.delivery.permission import ENROLMENT, MESSAGE, M
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.caps import Cap
from nurture.ledger.statements.asking import NOW


def in_use(definitions: Definitions) -> bool:
    """Some sequence has a priority; else nothing needs to be asked."""
    return any(program.priority for program in definitions.programs.values())


def of_mail(definitions: Definitions, mail: FromClause = MESSAGE) -> ColumnElement[int]:
    """The priority of the sequence a mail is of."""
    known = {
        number: each.priority for number, each in definitions.programs.items() if each.priority
    }
    return (
        select(case(known, value=ENROLMENT.definition_id, else_=0))
        .where(ENROLMENT.id == mail.c.enrolment_id)
        .correlate(mail)
        .scalar_subquery()
    )


def why_capped(definitions: Definitions, cap: Cap) -> ColumnElement[Any]:
    """The reason of a mail a cap keeps back: also which one went instead, if that had priority."""
    if not in_use(definitions):
        return literal(cap.reason)
    other = MESSAGE.alias("went")
    said = "; " + other.c.template + " went first, its sequence has priority"
    went = (
        select(said)
        .where(
            other.c.lead_id == M.lead_id,
            other.c.kind == "nurture",
            other.c.handed_at > NOW - cap.length,
            of_mail(definitions, other) > of_mail(definitions),
        )
        .order_by(other.c.handed_at.desc())
        .limit(1)
        .correlate(MESSAGE)
        .scalar_subquery()
    )
    return literal(cap.reason) + func.coalesce(went, "")
