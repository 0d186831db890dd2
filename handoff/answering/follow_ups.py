"""What starts, stops or ends for good once sales said what came of a lead: `outcomes:` and
`recycle:` of handoff.yaml.

What starts later waits as a row, and starts once.  It is dropped, with the reason, if by then sales
had the lead again, it is a customer (unless that is why it starts) or disqualified, its address
gets no mail any more, it is in the sequence already, or the sequence is not applied any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    Update,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    update,
)
from sqlmodel import Session

from handoff import lifecycle
from handoff.tables import FOLLOW_UP, HANDOFF, LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.outcomes import EFFECTS, PATH, FollowUp
from nurture.ledger import tables as t
from nurture.ledger import ticks
from nurture.ledger.intake import optouts
from nurture.ledger.statements.asking import NOW, Asking, Question
from nurture.ledger.statements.batches import SIZE, batch, fill, filling
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new, table_of
from nurture.ledger.tally import Tally
from nurture.ledger.types import Instant
from nurture.sequences.enrol import start_in
from nurture.sequences.entering import by_no_event, enrolments, put
from nurture.sequences.leave import stop_in

DECISION = table_of(t.Decision)
ENROLMENT = table_of(t.Enrolment).c
SUPPRESSION = table_of(t.Suppression).c
F = FOLLOW_UP.c
BACK = "handoff/recycle"
"""The path of an entry into `recycle.sequence`, or into the sequence of a rung."""
AT_ONCE = timedelta(0)
_COLUMNS = (
    "handoff_id", "lead_id", "outcome", "sequence", "planned_at", "due_at", "reason", "path",
)  # fmt: skip


def follow(
    session: Session, definitions: Definitions, outcome: str, said: str = "", *,
    reason: str, now: datetime,
) -> None:  # fmt: skip
    """Do what handoff.yaml says follows from an outcome, with the reason `said`, for the working
    set's handoffs."""
    rules = definitions.handoff
    assert rules is not None
    found = rules.outcomes.first(outcome, said)
    if found is None:
        if EFFECTS[outcome].back:
            send_back(session, definitions, rules.recycle.sequence, reason=reason, now=now)
        return
    path, entry = found
    leads = select(batch.c.lead_id)
    if entry.suppress:
        optouts.suppress(session, leads, reason=reason, now=now)
    if entry.stop is not None:
        stop_in(session, entry.stop, leads, now=now, reason=reason, path=path)
    if entry.start is not None:
        _start(session, definitions, outcome, entry, path=path, reason=reason, now=now)


def _start(
    session: Session, definitions: Definitions, outcome: str, entry: FollowUp, *,
    path: str, reason: str, now: datetime,
) -> None:  # fmt: skip
    """A sequence starts at once, or its start is planned."""
    if entry.after:
        _plan(session, definitions, outcome, entry, path=path, reason=reason, now=now)
    elif EFFECTS[outcome].back:
        send_back(session, definitions, entry.start, path=path, reason=reason, now=now)
    elif (program := definitions.active.get(entry.start or "")) is not None:
        start_in(session, program, _not_yet(path), now=now, reason=reason, path=path)


def _not_yet(path: str) -> Select[Any]:
    """The working set's leads that did not enter by this path since their handoff was opened: an
    outcome that is told again starts nothing again."""
    entered = exists().where(
        DECISION.c.lead_id == batch.c.lead_id, DECISION.c.at >= HANDOFF.c.opened_at,
        DECISION.c.kind == "entered", DECISION.c.path == path,
    )  # fmt: skip
    mine = select(batch.c.lead_id).join(HANDOFF, HANDOFF.c.id == batch.c.id)
    return mine.where(not_(entered.correlate(batch, HANDOFF)))


def send_back(
    session: Session, definitions: Definitions, sequence: str | None, *,
    reason: str, now: datetime, path: str = BACK,
) -> int:  # fmt: skip
    """Start a sequence for the working set's leads, which nurture has again; returns how many
    entered.

    A sequence that is not applied takes nobody in: the lead stays recycled, free to enter others.
    So does a lead that was sent back as often as `recycle.at_most` says, with the reason.
    """
    program = definitions.active.get(sequence or "")
    if program is None:
        return 0
    leads = select(batch.c.lead_id).where(not_(_worn(session, definitions, now=now)))
    return start_in(session, program, leads, now=now, reason=reason, path=path)


def _plan(
    session: Session, definitions: Definitions, outcome: str, entry: FollowUp, *,
    path: str, reason: str, now: datetime,
) -> None:  # fmt: skip
    """Keep what starts later for the working set's leads; not for one sent back too often."""
    back = EFFECTS[outcome].back
    worn = _worn(session, definitions, now=now) if back else false()
    due = now + (entry.after or AT_ONCE)
    row = (
        batch.c.id, batch.c.lead_id, literal(outcome), literal(entry.start),
        literal(now, Instant()), literal(due, Instant()), literal(reason), literal(path),
    )  # fmt: skip
    session.execute(insert_new(t.FollowUp, _COLUMNS, select(*row).where(not_(worn))))


def _worn(session: Session, definitions: Definitions, *, now: datetime) -> ColumnElement[bool]:
    """Which leads of `batch` were sent back often enough; it is written down for them."""
    assert definitions.handoff is not None
    most = definitions.handoff.recycle.at_most
    worn = _times_sent_back() >= most
    times = f"{most} time{'s' if most > 1 else ''}"
    lifecycle.record(
        session, "back to nurture", old="", new="no more", path=BACK, now=now, where=worn,
        reason=f"sales sent it back {times} already: it stays recycled",
    )  # fmt: skip
    return worn


def _times_sent_back() -> ColumnElement[int]:
    """How often the lead of a row of `batch` entered a sequence because sales sent it back."""
    back = [name for name, effect in EFFECTS.items() if effect.back]
    entries = [DECISION.c.path.startswith(f"{PATH}/{name}/") for name in back]
    return (
        select(func.count())
        .select_from(DECISION)
        .where(
            DECISION.c.lead_id == batch.c.lead_id,
            DECISION.c.kind == "entered",
            or_(DECISION.c.path == BACK, *entries),
        )
        .correlate(batch)
        .scalar_subquery()
    )


NEXT_FOLLOW_UP: Question = select(func.min(F.due_at, type_=Instant())).where(
    among(F.state, ("waiting",))
)
"""When the next planned sequence starts."""
_DUE = filling(
    select(F.id, F.lead_id)
    .where(among(F.state, ("waiting",)), F.due_at <= NOW)
    .order_by(F.id)
    .limit(SIZE)
    .with_for_update(skip_locked=True, of=FOLLOW_UP)
)
_MINE = and_(F.id.in_(select(batch.c.id)), F.state == "waiting")
_GROUPS = select(F.sequence, F.path).where(_MINE).distinct().order_by(F.sequence, F.path)
_STARTED = update(FOLLOW_UP).where(_MINE).values(state="started", settled_at=NOW)


def start_due(session: Session, definitions: Definitions, *, now: datetime) -> Tally:
    """Start the planned sequences that are due, once each, or drop them with the reason.

    Afterwards none of them waits; leads that entered stand at the first step, due.
    """
    found = fill(session, _DUE, now=now)
    if not found:
        return Tally()
    asking = Asking(session, 0, now)
    tally = Tally.of("starts dropped", asking.run(_dropping(definitions)), more=found == SIZE)
    for sequence, path in asking.ask(_GROUPS).all():
        program = definitions.active[sequence]
        who = _who(sequence, path)
        rows = enrolments(program, who, true(), reason=who.c.why, path=path)
        tally += Tally.of("started after an outcome", put(asking, program, rows), path=path)
    touched = select(F.lead_id).where(_MINE).distinct().order_by(F.lead_id)
    ticks.touch(session, touched)
    asking.run(_STARTED)
    return tally


def _who(sequence: str, path: str) -> Subquery:
    """(lead, key, when, event) of those to start in a sequence, and why."""
    return (
        select(*by_no_event(F.lead_id, literal("")), F.reason.label("why"))
        .where(_MINE, F.sequence == sequence, F.path == path)
        .subquery()
    )


@once
def _dropping(definitions: Definitions) -> Update:
    """Drop those of the working set that may not start, each with the first reason there is."""
    why = case(*_reasons(definitions), else_=null())
    return (
        update(FOLLOW_UP)
        .where(_MINE, why.is_not(None))
        .values(state="dropped", settled_at=NOW, dropped=why)
    )


def _reasons(definitions: Definitions) -> list[tuple[ColumnElement[bool], ColumnElement[str]]]:
    """Why a start is dropped, the first that holds."""
    became = _of_lead(select(LEAD.c.lifecycle).where(LEAD.c.id == F.lead_id))
    barred = _of_lead(
        select(SUPPRESSION.kind)
        .join(LEAD, LEAD.c.email_key == SUPPRESSION.email_key)
        .where(LEAD.c.id == F.lead_id)
    )
    again = exists().where(HANDOFF.c.lead_id == F.lead_id, HANDOFF.c.id > F.handoff_id)
    inside = exists().where(
        ENROLMENT.lead_id == F.lead_id, ENROLMENT.sequence == F.sequence, ENROLMENT.key == "",
        among(ENROLMENT.state, ("active",)),
    )  # fmt: skip
    return [
        (F.sequence.not_in(list(definitions.active)), F.sequence + " is not applied any more"),
        (again, literal("sales had the lead again")),
        (and_(became == "customer", F.outcome != "won"), literal("it is a customer by now")),
        (became == "disqualified", literal("it is disqualified by now")),
        (barred.is_not(None), literal("it gets no mail any more: ") + barred),
        (inside, literal("it is in ") + F.sequence + literal(" already")),
    ]


def _of_lead(query: Select[Any]) -> ColumnElement[Any]:
    return query.correlate(FOLLOW_UP).limit(1).scalar_subquery()


def planned(session: Session, handoff: int) -> t.FollowUp | None:
    """What was planned for after a handoff, whatever became of it; None where nothing was."""
    return session.execute(select(t.FollowUp).where(F.handoff_id == handoff)).scalar_one_or_none()


def waiting_for(session: Session, sequence: str) -> int:
    """How many leads wait to start a sequence."""
    mine = (among(F.state, ("waiting",)), F.sequence == sequence)
    counted = select(func.count()).select_from(FOLLOW_UP).where(*mine)
    return int(session.execute(counted).scalar_one())
