"""Calls of rehearsals: none leaves the machine, each is answered at once, as somebody said."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from nurture.webhooks.port import Answer, Call, judged

Told = tuple[int, Mapping[str, Any]]
"""A status, and the values of the answer."""
TAKEN: Told = (200, {})


@dataclass
class AnsweringCaller:
    """Answers for every system: with 200, or what `told` says by the name of the webhook.

    A status of 0 is a system that does not answer.
    """

    told: Mapping[str, Told] = field(default_factory=dict)
    trouble: str = ""

    def answer(self, call: Call) -> Told:
        """What the other system says to a call."""
        return self.told.get(call.name, TAKEN)

    def call(self, call: Call) -> Future[Answer]:
        """Answered already."""
        status, said = self.answer(call)
        values = {f"answer.{name}": value for name, value in said.items()}
        answered: Future[Answer] = Future()
        if status:
            answered.set_result(judged(status, later=None, said=values))
        else:
            answered.set_result(Answer("again", 0, "no answer"))
        return answered
