"""handoff.yaml: what follows from what sales says came of a lead, and the table of outcomes.

    outcome      handoff    lifecycle    said with it
    accepted     accepted   sal
    contacted    working    sal
    meeting      working    sql
    opportunity  working    opportunity  an amount
    won          won        customer     an amount, a reason
    lost         lost       recycled     a reason, needed
    rejected     rejected   recycled     a reason, needed
    recycled     recycled   recycled     a reason, needed
    lapsed       lapsed     recycled

The last one is said by a ladder, and the rung names the sequence that takes the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from nurture.language.grammar.models import Elapsed, Model, Names

PATH = "handoff/outcomes"
"""Where entries of `outcomes` stand."""


@dataclass(frozen=True)
class Effect:
    """What an outcome makes of the handoff and of the lead's lifecycle, and what is said with it.

    `ends`: the lead is with sales no more, and the episode of a sequence ends with the handoff.
    """

    state: str
    lifecycle: str
    ends: bool = False
    amount: bool = False
    reason: Literal["", "may", "needed"] = ""

    @property
    def back(self) -> bool:
        """Nurture has the lead again."""
        return self.lifecycle == "recycled"


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "accepted": Effect("accepted", "sal"),
        "contacted": Effect("working", "sal"),
        "meeting": Effect("working", "sql"),
        "opportunity": Effect("working", "opportunity", amount=True),
        "won": Effect("won", "customer", ends=True, amount=True, reason="may"),
        "lost": Effect("lost", "recycled", ends=True, reason="needed"),
        "rejected": Effect("rejected", "recycled", ends=True, reason="needed"),
        "recycled": Effect("recycled", "recycled", ends=True, reason="needed"),
        "lapsed": Effect("lapsed", "recycled", ends=True),
    }
)
"""The one table: every answer of sales is one of these, and moves handoff and lead by its row."""


class FollowUp(Model):
    """What follows for leads with this reason, or with any: a sequence starts, at once or `after`
    so long; one stops; no mail goes to the lead any more (`suppress`); or nothing."""

    reason: Names = ()
    start: str | None = None
    after: Elapsed | None = None
    stop: str | None = None
    suppress: Annotated[bool, Field(strict=True)] = False
    nothing: Annotated[bool, Field(strict=True)] = False

    def holds(self, said: str) -> bool:
        """Whether it is about what was said; `bad timing: call in May` is about `bad timing`."""
        return not self.reason or any(is_about(said, each) for each in self.reason)


def is_about(said: str, reason: str) -> bool:
    """Whether words of sales are this reason, perhaps with a note behind a colon."""
    words, known = said.casefold(), reason.casefold()
    return words == known or words.startswith(f"{known}:")


class Outcomes(Model):
    """By outcome: the first entry that holds says what follows."""

    accepted: tuple[FollowUp, ...] = ()
    contacted: tuple[FollowUp, ...] = ()
    meeting: tuple[FollowUp, ...] = ()
    opportunity: tuple[FollowUp, ...] = ()
    won: tuple[FollowUp, ...] = ()
    lost: tuple[FollowUp, ...] = ()
    rejected: tuple[FollowUp, ...] = ()
    recycled: tuple[FollowUp, ...] = ()

    def first(self, outcome: str, said: str) -> tuple[str, FollowUp] | None:
        """The path and the entry that says what follows from an outcome, None where none does."""
        entries: tuple[FollowUp, ...] = getattr(self, outcome)
        for number, entry in enumerate(entries, start=1):
            if entry.holds(said):
                return f"{PATH}/{outcome}/{number}", entry
        return None
