"""What the API of handoffs is asked and answers, as documents; its description is made of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Result = Literal["meeting", "opportunity", "won", "lost"]
Words = Annotated[str, Field(max_length=400)]


class Asked(BaseModel):
    """What every answer may say beside its own words."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: str = Field(
        "", max_length=320,
        description="Who answers, a rep's name or an address of handoff.yaml; else the lead's rep.",
    )  # fmt: skip
    generation: int | None = Field(
        None, ge=0, description="Of the handoff as it was seen; 409 if it was given on since."
    )


class Accept(Asked):
    """Take the lead; out of a team's queue it is taken by the rep named in `by`."""


class Reject(Asked):
    """Send the lead back."""

    reason: Words = Field(description="One that handoff.yaml suggests, or words of your own.")


class Recycle(Reject):
    """Back to nurture: not now, rather than not at all."""


class Touch(Asked):
    """Sales was in touch with the lead."""

    how: Words = Field("", description="called, mailed, met …")


class Give(Asked):
    """Hand the lead to a colleague, with deadlines of its own."""

    to: str = Field(max_length=64, description="The rep who gets it.")


class Pause(Asked):
    """Wait for the lead: the deadlines stand still until it does something, or until then."""

    until: AwareDatetime = Field(description="An instant with its offset, a year off at most.")
    reason: Words = ""


class Snooze(Asked):
    """Not now: the deadlines stand still so long, once for each rep."""

    minutes: int = Field(ge=1, le=100_000)


class Resume(Asked):
    """Wait for the lead no more."""


class Outcome(Asked):
    """What came of the lead."""

    result: Result
    amount: float | None = Field(None, description="Of an opportunity, or a deal won.")
    reason: Words = Field("", description="Needed with lost.")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True, ser_json_timedelta="float")


class Clock(_Out):
    """A deadline, and how late it is or was met."""

    kind: str
    round: int
    rep: str
    state: str
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    late: timedelta = Field(description="In seconds.")


class Handoff(_Out):
    """A lead with sales, or that was."""

    id: int
    lead_id: int
    lead: str
    email: str | None
    external_id: str | None
    company: str
    team: str
    rep: str
    rep_name: str
    state: str
    generation: int
    reason: str
    path: str
    outcome: str
    amount: float | None
    opened_at: datetime
    offered_at: datetime | None
    held_until: datetime | None
    closed_at: datetime | None
    due_at: datetime | None = Field(description="The next deadline that runs.")
    late: timedelta = Field(description="By the worst deadline that runs, in seconds.")
    clocks: list[Clock]


class Rung(_Out):
    """A step of the ladder that a clock climbs."""

    kind: str
    rung: int
    repetition: int
    action: str
    due_at: datetime
    state: str
    fired_at: datetime | None
    reason: str
    path: str


class FollowUp(_Out):
    """What starts some time after the handoff ended."""

    sequence: str
    due_at: datetime
    state: str
    reason: str
    dropped: str
    path: str


class Score(BaseModel):
    """What the lead is worth, and why, in sentences."""

    total: float
    sentences: list[str]


class Brief(BaseModel):
    """What a rep has to know before the call."""

    lead: dict[str, Any]
    score: Score
    timeline: list[dict[str, str]]
    read: list[str]
    opening_line: str


class HandoffInFull(Handoff):
    """One handoff with its ladder, its brief, and what follows."""

    rungs: list[Rung]
    brief: Brief
    follow_up: FollowUp | None


class Listed(BaseModel):
    """Handoffs by number; `next` goes into `after` for those behind, null at the end."""

    handoffs: list[Handoff]
    next: int | None


class Done(BaseModel):
    """What an answer did, and the handoff as it is now."""

    text: str
    handoff: Handoff


class Refused(BaseModel):
    """A part of a request that does not fit."""

    field: str
    problem: str


class Problem(BaseModel):
    """Why nothing was changed; with 409 the handoff as it is now, with 422 what does not fit."""

    error: str
    handoff: Handoff | None = None
    refused: list[Refused] | None = None
