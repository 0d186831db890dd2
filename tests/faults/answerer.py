"""Somebody in sales who answers one handoff after the other, in a process of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from datetime import datetime

from handoff.answering import answers
from nurture.language.applied.loading import load_definitions
from nurture.ledger.engine import open_ledger
from nurture.ledger.errors import Conflict

REASON = "no budget"


def run(url: str, verb: str, numbers: Sequence[int], now: datetime, die_at: int) -> None:
    """Accept or reject these handoffs as they were first offered; who comes late changes nothing.

    At the handoff `die_at` the process is killed: its answer is written, and not yet committed.
    """
    ledger = open_ledger(url)
    with ledger.begin() as session:
        known = load_definitions(session)
    for number in numbers:
        try:
            with ledger.begin() as session:
                if verb == "accept":
                    answers.accept(session, known, number, generation=1, now=now)
                else:
                    answers.reject(session, known, number, reason=REASON, generation=1, now=now)
                if number == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
        except Conflict:
            continue
    ledger.close()
