"""Mails that could go together, spread over a while: every lead has its place in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal, type_coerce

from nurture.language.compiled.program import Program, Send
from nurture.ledger.draws import PRIME, draw
from nurture.ledger.localtime import MINUTE


def place(program: Program, step: Send, lead_id: Any) -> ColumnElement[Any] | None:
    """How long after its first possible instant a lead's mail goes, in whole minutes so that few
    ticks send many; None when it is not to be spread.

    Drawn for the lead and the step, so that it is the same whenever somebody asks.
    """
    minutes = program.spread // timedelta(minutes=1)
    if step.anytime or not minutes:
        return None
    drawn = draw(lead_id, f"spread {program.sequence}/{step.key}") * literal(minutes, BigInteger)
    share = type_coerce(drawn, BigInteger).self_group() // literal(PRIME, BigInteger)
    return type_coerce(share, BigInteger).self_group() * literal(MINUTE, BigInteger)
