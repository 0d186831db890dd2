"""Where every lead stands in every sequence, and what was decided on the way."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import (
    document,
    instant,
    key,
    number,
    number_of_another,
    real,
    refers,
    words,
)

ACTIVE = text("state = 'active'")
WAITING = text("state = 'waiting'")
ENTERED = text("state = 'entered'")
EXCLUDED = text("state = 'excluded'")
RECHECK = text("state = 'active' AND recheck_at IS NOT NULL")
SPLIT = text("kind = 'split'")
WATCH = text("state = 'active' AND watch_at IS NOT NULL")


class Enrolment(SQLModel, table=True):
    """One lead's way through one version of one sequence.

    `state`: active, completed, goal, exited, moved, failed.  `position` indexes the version's
    flat program.  `due_at` is the next instant the step must be looked at, None only while a
    message of this step is not final (`message.state`).  `since_at` is the instant a `wait_for`
    or gate counts events from.  `recheck_at` is the next instant at which time alone may change
    the gate's condition, `watch_at` that of an exit rule or the goal.  `begun_at` is when the event
    happened that let the lead in, `engagement_id` which it is (None when none did, or nobody knows
    any more).  `turn` counts entries with the same (`sequence`, `key`).  `goal_at` is when a goal
    reached after the end was counted.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        Index("enrolment_active", "lead_id", "sequence", "key", unique=True,
              postgresql_where=ACTIVE, sqlite_where=ACTIVE),
        Index("enrolment_turn", "lead_id", "sequence", "key", "turn", unique=True),
        Index("enrolment_due", "definition_id", "position", "due_at",
              postgresql_where=ACTIVE, sqlite_where=ACTIVE),
        Index("enrolment_recheck", "recheck_at", postgresql_where=RECHECK, sqlite_where=RECHECK),
        Index("enrolment_watch", "watch_at", postgresql_where=WATCH, sqlite_where=WATCH),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id")
    sequence: str = Field()
    definition_id: int = refers("definition.id")
    key: str = words()
    turn: int = number(1)
    state: str = words("active")
    stage: str = words()
    position: int = number()
    due_at: datetime | None = instant(required=False)
    since_at: datetime | None = instant(required=False)
    recheck_at: datetime | None = instant(required=False)
    watch_at: datetime | None = instant(required=False)
    entered_at: datetime = instant()
    begun_at: datetime | None = instant(required=False)
    engagement_id: int | None = number_of_another()
    step_at: datetime = instant()
    ended_at: datetime | None = instant(required=False)
    goal_at: datetime | None = instant(required=False)
    reason: str = words()
    path: str = words()


class Decision(SQLModel, table=True):
    """Something a sequence decided about a lead: entered, stage, gate, branch, split, event,
    goto, stop, exit, end.

    Waits and sends leave none (a send has its message): the table grows with decisions, not
    with steps.
    """

    __tablename__ = "decision"
    __table_args__ = (
        Index("decision_enrolment", "enrolment_id"),
        Index("decision_lead", "lead_id", "at"),
        Index("decision_split", "enrolment_id", "reason",
              postgresql_where=SPLIT, sqlite_where=SPLIT),
    )

    id: int | None = key()
    enrolment_id: int = refers("enrolment.id")
    lead_id: int = refers("lead.id")
    at: datetime = instant()
    kind: str = words()
    stage: str = words()
    reason: str = words()
    path: str = words()


class Arrival(SQLModel, table=True):
    """A lead that would enter a sequence and did not at once, or was asked in.

    `cause`: event, segment, date, command.  `state`: waiting (for room, in the order of `id`),
    entered, gone (there was room, and it did not meet the entry any more), excluded.
    """

    __tablename__ = "arrival"
    __table_args__ = (
        Index("arrival_waiting", "sequence", "lead_id", "key", unique=True,
              postgresql_where=WAITING, sqlite_where=WAITING),
        Index("arrival_queue", "sequence", "id",
              postgresql_where=WAITING, sqlite_where=WAITING),
        Index("arrival_entered", "sequence", "settled_at",
              postgresql_where=ENTERED, sqlite_where=ENTERED),
        Index("arrival_excluded", "lead_id", "sequence", "key", "begun_at", unique=True,
              postgresql_where=EXCLUDED, sqlite_where=EXCLUDED),
        Index("arrival_lead", "lead_id", "at"),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id")
    sequence: str = Field()
    key: str = words()
    cause: str = words()
    begun_at: datetime | None = instant(required=False)
    engagement_id: int | None = number_of_another()
    at: datetime = instant()
    state: str = words("waiting")
    settled_at: datetime | None = instant(required=False)
    reason: str = words()
    path: str = words()


class SplitLook(SQLModel, table=True):
    """One look at the arms of a split that has a `winner`: what was counted, and what followed.

    `arms` holds [leads a mail went to, how many of them did it] by name.  `p` is the corrected
    p-value of `best` against the others, `low` and `high` bound its rate less that of `against`.
    `winner` is '' unless this look found one: then the split is decided for good.
    """

    __tablename__ = "split_look"
    __table_args__ = (UniqueConstraint("sequence", "split", "look"),)

    id: int | None = key()
    sequence: str = words()
    split: str = words()
    look: int = number()
    at: datetime = instant()
    by: str = words()
    confidence: float = real()
    arms: dict[str, Any] = document()
    best: str = words()
    against: str = words()
    p: float = real()
    low: float = real()
    high: float = real()
    winner: str = words()


class Pause(SQLModel, table=True):
    """A sequence an operator stopped: nobody enters, nobody moves, nothing is sent from it."""

    __tablename__ = "pause"

    sequence: str = Field(primary_key=True)
    since: datetime = instant()
    reason: str = words()
