"""One lead's story, told from rows: what happened, what we did or did not do, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.tables.webhooks import SETTLED


@dataclass(frozen=True)
class TimelineLine:
    """Something at an instant: `what` kind of thing, in words, why, and the YAML that caused it."""

    at: datetime
    what: str
    text: str
    reason: str = ""
    path: str = ""


Lines = Iterator[TimelineLine]
GONE = "there was room, and the entry did not hold any more"
FINAL = ("sent", "rejected", "suppressed", "expired", "cancelled", "render_failed")


def timeline(session: Session, lead_id: int) -> list[TimelineLine]:
    """Everything known of the lead, oldest first; a query a kind of row, however long the story.

    Things of one instant stand in the order in which they cause each other: what the lead did,
    points, decisions, mails, then sales.
    """
    found: list[tuple[datetime, int, int, TimelineLine]] = []
    for rank, (rows, tell) in enumerate(_chapters(lead_id)):
        for row in session.execute(rows):
            for place, line in enumerate(tell(row[0] if len(row) == 1 else row)):
                found.append((line.at, rank, len(found) + place, line))
    return [line for *_, line in sorted(found, key=lambda entry: entry[:3])]


def _chapters(lead_id: int) -> Iterable[tuple[Select[Any], Callable[[Any], Lines]]]:
    """(rows of a kind, how each is told), in the order of causes."""

    def of(model: Any, order: Any) -> Select[Any]:
        return select(model).where(model.lead_id == lead_id).order_by(order, *_key(model))

    return (
        (select(t.Lead).where(col(t.Lead.id) == lead_id), _lead),
        (of(t.Engagement, t.Engagement.occurred_at), _engagement),
        (of(t.ScoreEntry, t.ScoreEntry.at), _points),
        (of(t.Change, t.Change.at), _change),
        (of(t.LeadTag, t.LeadTag.added_at), _tag),
        (of(t.Consent, t.Consent.decided_at), _consent),
        (_suppressions(lead_id), _suppression),
        (of(t.Arrival, t.Arrival.at), _arrival),
        (_decisions(lead_id), _decision),
        (of(t.Message, t.Message.planned_at), _message),
        (of(t.WebhookCall, t.WebhookCall.planned_at), _call),
        (of(t.Episode, t.Episode.opened_at), _episode),
        (of(t.Handoff, t.Handoff.opened_at), _handoff),
        (of(t.FollowUp, t.FollowUp.planned_at), _follow_up),
        (of(t.CrmRecord, t.CrmRecord.due_at), _crm),
        (_clocks(lead_id), _clock),
        (_rungs(lead_id), _rung),
    )


def _key(model: Any) -> Sequence[Any]:
    return list(model.__table__.primary_key.columns)


def _suppressions(lead_id: int) -> Select[Any]:
    keys = select(col(t.Lead.email_key)).where(col(t.Lead.id) == lead_id)
    return select(t.Suppression).where(col(t.Suppression.email_key).in_(keys))


def _decisions(lead_id: int) -> Select[Any]:
    """Each with the sequence that decided."""
    return (
        select(t.Decision, col(t.Enrolment.sequence))
        .join(t.Enrolment, col(t.Enrolment.id) == col(t.Decision.enrolment_id))
        .where(col(t.Decision.lead_id) == lead_id)
        .order_by(col(t.Decision.at), col(t.Decision.id))
    )


def _clocks(lead_id: int) -> Select[Any]:
    return (
        select(t.Clock)
        .join(t.Handoff, col(t.Handoff.id) == col(t.Clock.handoff_id))
        .where(col(t.Handoff.lead_id) == lead_id)
        .order_by(col(t.Clock.id))
    )


def _rungs(lead_id: int) -> Select[Any]:
    told = or_(col(t.Rung.fired_at).is_not(None), col(t.Rung.state).in_(("collapsed",)))
    return (
        select(t.Rung)
        .join(t.Clock, col(t.Clock.id) == col(t.Rung.clock_id))
        .join(t.Handoff, col(t.Handoff.id) == col(t.Clock.handoff_id))
        .where(col(t.Handoff.lead_id) == lead_id, told)
        .order_by(col(t.Rung.id))
    )


def _lead(row: t.Lead) -> Lines:
    who = row.email or f"id:{row.external_id}"
    yield TimelineLine(row.created_at, "lead", f"{who} became known")


def _engagement(row: t.Engagement) -> Lines:
    said = ", ".join(f"{name}: {value}" for name, value in row.properties.items())
    text = f"{row.kind} ({said})" if said else row.kind
    yield TimelineLine(row.occurred_at, "engagement", text, f"from {row.source}")
    if row.withdrawn_at is not None:
        yield TimelineLine(row.withdrawn_at, "engagement", f"{row.kind} was taken back")


def _points(row: t.ScoreEntry) -> Lines:
    yield TimelineLine(row.at, "score", f"{row.points:+g} {row.kind}", row.reason, row.path)
    if row.withdrawn_at is not None:
        text = f"{-row.points:+g} {row.kind}: points taken back"
        yield TimelineLine(row.withdrawn_at, "score", text, row.withdrawn_reason, row.path)


def _change(row: t.Change) -> Lines:
    old = f" (was {row.old})" if row.old else ""
    yield TimelineLine(row.at, "change", f"{row.field}: {row.new}{old}", row.reason, row.path)


def _tag(row: t.LeadTag) -> Lines:
    yield TimelineLine(row.added_at, "tag", f"tagged {row.tag}", row.reason)


def _consent(row: t.Consent) -> Lines:
    said = "wants to hear about" if row.subscribed else "does not want to hear about"
    yield TimelineLine(row.decided_at, "consent", f"{said} {row.topic}", row.reason)


def _suppression(row: t.Suppression) -> Lines:
    yield TimelineLine(row.since, "suppression", f"no more mail: {row.kind}", row.reason)


def _arrival(row: t.Arrival) -> Lines:
    """A lead that was kept out, or waited; one that entered at once has its decision."""
    if row.settled_at != row.at or row.state == "waiting":
        text = f"waits to enter {row.sequence}"
        yield TimelineLine(row.at, "sequence", text, row.reason, row.path)
    if row.state in ("excluded", "gone") and row.settled_at is not None:
        text = f"did not enter {row.sequence}"
        reason = row.reason if row.state == "excluded" else GONE
        yield TimelineLine(row.settled_at, "sequence", text, reason, row.path)


def _decision(told: tuple[t.Decision, str]) -> Lines:
    """Of an entry also the sequence: its path may be that of what sent the lead there."""
    row, sequence = told
    kind = f"entered {sequence}" if row.kind == "entered" else row.kind
    text = f"{kind}: {row.stage}" if row.stage else kind
    yield TimelineLine(row.at, "sequence", text, row.reason, row.path)


def _message(row: t.Message) -> Lines:
    """One line: the mail as it ended, or as it stands."""
    what = "message" if row.kind == "nurture" else "notice"
    name = row.template or row.step
    name += f" ({row.variant})" if row.variant else ""
    shown = f"{name} “{row.subject}”" if row.subject else name
    ended = row.settled_at or row.handed_at or row.planned_at
    if row.state in ("sent", "unknown"):
        ended = row.handed_at or ended
    said = row.state if row.state in FINAL else f"{row.state}, due {row.due_at:%Y-%m-%d %H:%M} UTC"
    reason = "; ".join(part for part in (row.voice, row.reason or row.reply) if part)
    yield TimelineLine(ended, what, f"{shown}: {said}", reason, row.path)


def _call(row: t.WebhookCall) -> Lines:
    """One line: the call as it ended, or as it stands."""
    over = row.state in SETTLED
    tries = f" at try {row.attempts}" if row.attempts > 1 and over else ""
    due = "" if over else f", due {row.due_at:%Y-%m-%d %H:%M} UTC"
    at = row.settled_at or row.planned_at
    text = f"call to {row.name}: {row.state}{tries}{due}"
    yield TimelineLine(at, "webhook", text, row.reason, row.path)


def _episode(row: t.Episode) -> Lines:
    text = f"{row.cause} at {row.score:g} points"
    yield TimelineLine(row.opened_at, "episode", text, row.reason, row.path)
    if row.closed_at is not None:
        yield TimelineLine(row.closed_at, "episode", f"{row.cause} can be crossed again")


def _handoff(row: t.Handoff) -> Lines:
    """What sales did, each at its instant; the outcome where the handoff ended.

    Of earlier reps the row knows nothing: that it was given on stands in the changes.
    """
    offered = row.opened_at if row.offered_at is None else row.offered_at
    first = f"{row.rep} of {row.team}" if offered == row.opened_at and row.rep else row.team
    waits = "" if row.rep else ", waiting for a rep"
    yield TimelineLine(row.opened_at, "handoff", f"offered to {first}{waits}", row.reason, row.path)
    if row.rep and offered > row.opened_at:
        yield TimelineLine(offered, "handoff", f"offered to {row.rep} of {row.team}")
    if row.accepted_at is not None:
        yield TimelineLine(row.accepted_at, "handoff", f"{row.rep} accepted")
    if row.touched_at is not None:
        who = row.rep if row.touched_at >= offered else "sales"
        yield TimelineLine(row.touched_at, "handoff", f"{who} was in touch")
    if row.closed_at is not None:
        yield TimelineLine(row.closed_at, "handoff", row.state, row.outcome)


def _follow_up(row: t.FollowUp) -> Lines:
    """A start that was planned, and why it was dropped; one that entered has its decision."""
    text = f"is to start {row.sequence} on {row.due_at:%Y-%m-%d %H:%M} UTC"
    yield TimelineLine(row.planned_at, "sequence", text, row.reason, row.path)
    if row.state == "dropped" and row.settled_at is not None:
        text = f"does not start {row.sequence}"
        yield TimelineLine(row.settled_at, "sequence", text, row.dropped, row.path)


def _crm(row: t.CrmRecord) -> Lines:
    """When the CRM was last told, and that it refused what came after."""
    if row.told_at is not None:
        yield TimelineLine(row.told_at, "crm", "the CRM was told")
    if row.state == "failed":
        yield TimelineLine(row.due_at, "crm", "the CRM refused the lead", row.reason)


def _clock(row: t.Clock) -> Lines:
    kind, due = row.kind.replace("_", " "), f"due {row.due_at:%Y-%m-%d %H:%M} UTC"
    first = row.rep if row.begun_with is None else row.begun_with
    begun, name = (f"{kind} clock of {who or 'the queue'}" for who in (first, row.rep))
    yield TimelineLine(row.started_at, "clock", f"{begun} runs, {due}", row.reason)
    if row.met_at is not None:
        late = "late" if row.met_at > row.due_at else "in time"
        yield TimelineLine(row.met_at, "clock", f"{name} met {late}{_took(row)}")
    if row.lapsed_at is not None:
        yield TimelineLine(row.lapsed_at, "clock", f"{name} ran out, {due}")
    if row.stopped_at is not None:
        yield TimelineLine(row.stopped_at, "clock", f"{name} stopped")


def _took(row: t.Clock) -> str:
    """` after 9:00 hours of work (2:00 allowed)`, where both are known."""
    took = row.took_open if row.business else row.took
    if took is None or row.allowed is None:
        return ""
    return f" after {_hours(took)} hours{' of work' * row.business} ({_hours(row.allowed)} allowed)"


def _hours(length: timedelta) -> str:
    hours, rest = divmod(round(length.total_seconds()), 3600)
    return f"{hours}:{rest // 60:02}"


def _rung(row: t.Rung) -> Lines:
    at = row.fired_at or row.due_at
    times = f", time {row.repetition}" if row.repetition > 1 else ""
    text = f"rung {row.rung}{times}: {row.action.replace('_', ' ')}"
    if row.state == "collapsed":
        text += " (overtaken)"
    yield TimelineLine(at, "escalation", text, row.reason, row.path)
