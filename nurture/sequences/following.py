"""Leads that were asked into a sequence, asked into it in a copy of the ledger too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import func, select
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.ledger import tables as t
from nurture.ledger.errors import NurtureError
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.sequences.asked import ask_in

A = table_of(t.Arrival).c
_ASKED = (
    select(A.sequence, A.key, A.reason, A.lead_id, func.max(A.at, type_=Instant()))
    .where(A.cause == "command", in_given(A.lead_id, "leads"))
    .group_by(A.sequence, A.key, A.reason, A.lead_id)
    .order_by(A.sequence, A.key, A.reason, A.lead_id)
)


def repeat_asked(
    source: Session, target: Session, definitions: Definitions, leads: Sequence[int], *,
    now: datetime,
) -> Tally:  # fmt: skip
    """Ask in what somebody asked in since; where the copy's rules let nobody in, nobody enters."""
    given = {"leads": leads}
    own = {tuple(row[:4]): row[4] for row in target.execute(_ASKED, given)}
    fresh = [
        tuple(row)
        for row in source.execute(_ASKED, given)
        if tuple(row[:4]) not in own or own[tuple(row[:4])] < row[4]
    ]
    entered = 0
    for (sequence, key, reason), rows in groupby(fresh, key=itemgetter(0, 1, 2)):
        who = [row[3] for row in rows]
        try:
            answers = ask_in(target, definitions, sequence, who, key=key, reason=reason, now=now)
        except NurtureError:  # not in force there, or paused
            continue
        entered += sum(answer.state == "entered" for answer in answers)
    return Tally.of("asked in", entered)
