"""`winner` of a split: which arm new leads follow once it is known to do better."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from nurture.language.grammar.models import Model, Number, reading
from nurture.language.text.faults import fault

By = Literal["click_rate", "reply_rate", "goal_rate"]
RATES = ("click_rate", "reply_rate", "goal_rate")
FEWEST = 50
"""Sends an arm needs at least: with fewer the test's own approximation does not hold."""


def _by(value: Any) -> str:
    if value == "open_rate":
        message = (
            "opens say nothing: programs open mails too, and not all can be told from people;"
            " pick by what only people do"
        )
        raise fault("machine-opens", message, found="open_rate", allowed=RATES)
    if value not in RATES:
        found = value if isinstance(value, str) else ""
        raise fault("wrong-value", f'"by" cannot be "{found}"', found=found, allowed=RATES)
    return str(value)


def _sends(value: Any) -> int:
    found = re.fullmatch(r"(\d{1,9}) sends?", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('so many sends of each arm, as in "500 sends"')
    if int(found[1]) < FEWEST:
        raise ValueError(f"at least {FEWEST} sends of each arm; fewer prove nothing")
    return int(found[1])


class WinnerModel(Model):
    """`{by: click_rate, after: 500 sends, confidence: 0.95}`."""

    by: Annotated[By, PlainValidator(_by), WithJsonSchema({"enum": list(RATES)})]
    after: Annotated[int, reading("wrong-value", _sends), WithJsonSchema({"type": "string"})]
    confidence: Annotated[Number, Field(ge=0.8, le=0.999)] = 0.95


@dataclass(frozen=True)
class Winner:
    """By what a winner is found, after so many sends of each arm, and how sure that has to be."""

    by: By
    after: int
    confidence: float
