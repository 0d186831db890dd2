"""Engagements recorded in a file, to be played again at the instants they happened."""

from __future__ import annotations

import json
from pathlib import Path

from nurture.ledger.errors import InputRefused
from nurture.ledger.intake.incoming import EngagementIn, read_engagements

MOST_TOLD = 10


def recorded(path: Path) -> list[EngagementIn]:
    """The engagements of a JSONL file, each in the shape of the API, as they happened.

    Raises InputRefused with the lines that are none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path} cannot be read as UTF-8 text: {error}") from error
    numbers, values, wrong = [], [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values.append(json.loads(line))
            numbers.append(number)
        except json.JSONDecodeError as error:
            wrong.append(f"{path.name}:{number}:{error.colno}: is no JSON: {error.msg}")
    read, refused = read_engagements(values)
    wrong += [
        f"{path.name}:{numbers[each.position]}: {each.field} {each.problem}; "
        f"allowed: {each.allowed}"
        for each in refused
    ]
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise InputRefused("\n".join([*wrong[:MOST_TOLD], *more]))
    return sorted(
        (engagement for _, engagement in read),
        key=lambda each: (each.occurred_at, each.source, each.key),
    )
