"""Leads asked into a sequence by name: the command's and the API's one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.ledger.errors import InputRefused
from nurture.ledger.intake.finding import find_leads
from nurture.sequences.asked import ask_in


@dataclass(frozen=True)
class Entered:
    """What became of one of those named: entered, waiting, inside, refused, or unknown."""

    lead: str
    state: str
    reason: str


def enter_leads(
    session: Session,
    definitions: Definitions,
    sequence: str,
    people: Sequence[str],
    *,
    key: str = "",
    reason: str,
    now: datetime,
) -> list[Entered]:
    """`ask_in` for leads by address or external id, each once; raises as that does."""
    numbers = find_leads(session, people)
    leads = list(dict.fromkeys(numbers.values()))
    answers = ask_in(session, definitions, sequence, leads, key=key, reason=reason, now=now)
    by_lead = {answer.lead_id: answer for answer in answers}
    return [
        Entered(who, by_lead[numbers[who]].state, by_lead[numbers[who]].reason)
        if who in numbers
        else Entered(who, "unknown", "there is no such lead")
        for who in dict.fromkeys(people)
    ]


def listed_in(file: Path) -> list[str]:
    """The leads of a file: one a line, empty lines and those that begin with # left out."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputRefused(f"{file} cannot be read: {said}.") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
