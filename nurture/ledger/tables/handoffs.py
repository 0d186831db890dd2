"""Crossings, handoffs, the people in sales, their clocks and the ladder's rungs."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import (
    flag,
    instant,
    key,
    length,
    number,
    real,
    refers,
    words,
)

OPEN = text("closed_at IS NULL")
UNTOLD = text("told_at IS NULL AND brake <> 'held'")
HELD = text("brake = 'held'")
OPEN_STATES = ("offered", "accepted", "working")
"""A handoff in one of these is with sales."""
WITH_SALES = text("state IN ('offered', 'accepted', 'working')")


class Episode(SQLModel, table=True):
    """The time from a lead's crossing a threshold upwards until it is re-armed.

    `cause` is `threshold:<name>`, or `sequence:<name>` when a `hand_off` step asked (then
    `enrolment_id` is set, `team` may be).  Open episodes are unique per (lead, cause).
    `recheck_at`: the earliest instant decay can have brought the score below the re-arm line.
    `told_at`: when its handoff was opened, or none had to be since the lead is with sales already.
    `brake`: held as one of too many at once, then released or dropped by somebody; else ''.
    """

    __tablename__ = "episode"
    __table_args__ = (
        Index("episode_open", "lead_id", "cause", unique=True,
              postgresql_where=OPEN, sqlite_where=OPEN),
        Index("episode_recheck", "recheck_at", postgresql_where=OPEN, sqlite_where=OPEN),
        Index("episode_untold", "id", postgresql_where=UNTOLD, sqlite_where=UNTOLD),
        Index("episode_held", "id", postgresql_where=HELD, sqlite_where=HELD),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id")
    cause: str = words()
    enrolment_id: int | None = refers("enrolment.id", required=False)
    team: str = words()
    score: float = real()
    opened_at: datetime = instant()
    recheck_at: datetime | None = instant(required=False)
    closed_at: datetime | None = instant(required=False)
    told_at: datetime | None = instant(required=False)
    reason: str = words()
    path: str = words()
    brake: str = words()


class Handoff(SQLModel, table=True):
    """A lead offered to a team and a rep: offered, accepted, rejected, working, recycled, won,
    lost, lapsed.  `rep` is '' while it waits in the team's queue; `generation` counts its reps.
    Between `held_at` and `held_until` sales waits for the lead, and its clocks stand still;
    `snoozed` is the last generation whose rep put the lead off so, 0 for none.
    `touched_at` is when sales first was in touch with the lead, `last_touch_at` when last.
    A lead has at most one that is open.  `amount` is what its deal is worth, None when nobody said.

    As routing said when it opened: `rule` is what its rule says ('' where none was asked), `skills`
    (sorted, joined with commas) are asked of a rep, `named` is the rep the rule names.  `domain`
    (of the lead's address, '' where anybody may have one) and `parent` tell which handoffs are of
    one customer.
    """

    __tablename__ = "handoff"
    __table_args__ = (
        Index("handoff_episode", "episode_id", unique=True),
        Index("handoff_lead", "lead_id", unique=True,
              postgresql_where=WITH_SALES, sqlite_where=WITH_SALES),
        Index("handoff_opened", "opened_at"),
        Index("handoff_rep", "rep", "state"),
        Index("handoff_past", "lead_id", "id"),
        Index("handoff_domain", "domain", "id", postgresql_where=text("domain <> ''"),
              sqlite_where=text("domain <> ''")),
        Index("handoff_parent", "parent", "id", postgresql_where=text("parent <> ''"),
              sqlite_where=text("parent <> ''")),
        Index("handoff_held", "held_until", postgresql_where=text("held_until IS NOT NULL"),
              sqlite_where=text("held_until IS NOT NULL")),
        Index("handoff_queue", "team", postgresql_where=text("rep = '' AND state = 'offered'"),
              sqlite_where=text("rep = '' AND state = 'offered'")),
    )

    id: int | None = key()
    lead_id: int = refers("lead.id")
    episode_id: int = refers("episode.id")
    definition_id: int = refers("definition.id")
    team: str = words()
    rep: str = words()
    state: str = words("offered")
    generation: int = number()
    reason: str = words()
    path: str = words()
    rule: str = words()
    skills: str = words()
    named: str = words()
    domain: str = words()
    parent: str = words()
    opened_at: datetime = instant()
    offered_at: datetime | None = instant(required=False)
    accepted_at: datetime | None = instant(required=False)
    touched_at: datetime | None = instant(required=False)
    last_touch_at: datetime | None = instant(required=False)
    held_at: datetime | None = instant(required=False)
    held_until: datetime | None = instant(required=False)
    snoozed: int = number()
    closed_at: datetime | None = instant(required=False)
    outcome: str = words()
    amount: float | None = real(required=False)


class Clock(SQLModel, table=True):
    """A running deadline of a handoff; `kind` accept, first_touch, next_step or close.

    It runs while `met_at` and `stopped_at` are None; `lapsed_at` marks the first tick that saw it
    late.  `allowed` is how long it had (in open time of `calendar` when `business`; None of clocks
    older than that column), `took` how long it ran until it was met or stopped, `took_open` how
    much of that was open time.  From `held_at` on it stands still, with `remaining` of its window;
    `held` is how long it did so before (in its own time), which `took_open` leaves out.

    A new generation (another rep) starts a clock of its own if it `restarts`; else the clock goes
    on: it moves to that generation, and to that rep unless it ran out before; `begun_with` is then
    whom it began with, '' the queue.  Each touch ends one next_step and starts the next `round`.
    """

    __tablename__ = "clock"
    __table_args__ = (
        Index("clock_once", "handoff_id", "kind", "generation", "round", unique=True),
        Index("clock_rep", "rep", "lapsed_at", postgresql_where=text("rep <> ''"),
              sqlite_where=text("rep <> ''")),
        Index("clock_running", "due_at",
              postgresql_where=text(
                  "met_at IS NULL AND stopped_at IS NULL AND lapsed_at IS NULL"),
              sqlite_where=text("met_at IS NULL AND stopped_at IS NULL AND lapsed_at IS NULL")),
    )

    id: int | None = key()
    handoff_id: int = refers("handoff.id")
    kind: str = words()
    generation: int = number()
    round: int = number(1)
    rep: str = words()
    begun_with: str | None = words(None)
    restarts: bool = flag(default=True)
    calendar: str = words()
    zone: str = words()
    allowed: timedelta | None = length()
    business: bool = flag(default=True)
    held_at: datetime | None = instant(required=False)
    held: timedelta | None = length()
    remaining: timedelta | None = length()
    started_at: datetime = instant()
    due_at: datetime = instant()
    met_at: datetime | None = instant(required=False)
    lapsed_at: datetime | None = instant(required=False)
    stopped_at: datetime | None = instant(required=False)
    took: timedelta | None = length()
    took_open: timedelta | None = length()
    reason: str = words()


class Restatement(SQLModel, table=True):
    """How a clock that has ended would be judged by another `calendar` than its own: when it would
    have been due, and how long it took in that calendar's open time.  `at` is when that was
    reckoned first; the clock itself stays as it was judged.
    """

    __tablename__ = "restatement"
    __table_args__ = (Index("restatement_once", "clock_id", "calendar", unique=True),)

    id: int | None = key()
    clock_id: int = refers("clock.id")
    calendar: str = words()
    due_at: datetime = instant()
    took_open: timedelta | None = length()
    at: datetime = instant()


class Rung(SQLModel, table=True):
    """One step of a clock's ladder: waiting, held (with its clock), fired, collapsed (overtaken by
    an outage) or void.

    It is counted in open time if `business`, from the clock's due instant if `of_end`, else from
    its start; `remaining` is what is left of that while it is held.
    """

    __tablename__ = "rung"
    __table_args__ = (
        Index("rung_once", "clock_id", "rung", "repetition", unique=True),
        Index("rung_due", "due_at", postgresql_where=text("state = 'waiting'"),
              sqlite_where=text("state = 'waiting'")),
    )

    id: int | None = key()
    clock_id: int = refers("clock.id")
    rung: int = number()
    repetition: int = number(1)
    action: str = words()
    due_at: datetime = instant()
    business: bool = flag(default=True)
    of_end: bool = flag()
    remaining: timedelta | None = length()
    state: str = words("waiting")
    fired_at: datetime | None = instant(required=False)
    reason: str = words()
    path: str = words()


class Rep(SQLModel, table=True):
    """A person in sales, as the applied handoff.yaml says; `room` is how many open handoffs fit.

    `hours` is the key of the rep's working hours in `opening`, which clocks go by; `duty` that of
    when new leads come: the same but for days away.  `skills` are sorted and joined with commas.
    `weight` is the rep's share of the turns (0: none).

    What an apply leaves as it is: `turn_at`, when the last handoff was given (who waited longest is
    next); `taken`, how many were given until `taken_until`, the end of the rep's day then; and the
    pause that began at `paused_at`, until `paused_until` or for good, with its reason.
    """

    __tablename__ = "rep"

    rep: str = Field(primary_key=True)
    name: str = words()
    email: str = words()
    zone: str = words()
    hours: str = words()
    duty: str = words()
    room: int = number()
    per_day: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    weight: int = number(1)
    skills: str = words()
    place: int = number()
    active: bool = flag(default=True)
    turn_at: datetime | None = instant(required=False)
    taken: int = number()
    taken_until: datetime | None = instant(required=False)
    paused_at: datetime | None = instant(required=False)
    paused_until: datetime | None = instant(required=False)
    pause_reason: str = words()


class Member(SQLModel, table=True):
    """A rep's place in a team; `passed` is how far the rep's turns have come where they go by
    weight: billionths of a turn of weight 1, added to at each turn (less for who weighs more)."""

    __tablename__ = "member"

    team: str = Field(primary_key=True)
    rep: str = Field(foreign_key="rep.rep", primary_key=True)
    place: int = number()
    passed: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )
