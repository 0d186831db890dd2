"""What other systems answer to calls, drawn from the shares a simulation.yaml states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.dice import Dice
from app.simulation.model import Answers
from nurture.language.files.story import OUTCOMES
from nurture.webhooks.port import Call
from nurture.webhooks.rehearsal import TAKEN, AnsweringCaller, Told


@dataclass(kw_only=True)
class DrawingCaller(AnsweringCaller):
    """Answers as `said` states, the same to every try of a call; what it does not name takes it."""

    said: Mapping[str, Answers]
    dice: Dice

    def answer(self, call: Call) -> Told:
        """Drawn for the lead, the step and the instant the call was planned."""
        said = self.said.get(call.name)
        if said is None:
            return TAKEN
        document = json.loads(call.body)
        data = document["data"]
        about = (call.name, data["lead"]["id"], data["step"], document["timestamp"])
        if self.dice.draw("call", *about) < said.failed:
            return OUTCOMES["failed"], {}
        drawn = {
            name: choice.pick(self.dice.draw("answer", name, *about))
            for name, choice in said.answer.items()
        }
        return OUTCOMES["done"], drawn
