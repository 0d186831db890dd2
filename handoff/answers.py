"""What sales says about a lead: accept, reject, touch, give, recycle, won or lost.

Each answer is one UPDATE that holds only in an allowed state and generation; whoever comes second
changes nothing and hears what was decided, by whom and when.  `generation` is what a link carries:
an answer to an older offer does not hold any more.  Every answer leaves a `change` row.

    answer     allowed in                     becomes    lifecycle   clocks
    accept     offered                        accepted   sal         accept met, close starts
    touch      offered, accepted; working     working    sal         accept, first_touch, next_step
               while next_step runs                                  met, next_step starts anew
    reject     offered, accepted, working     rejected   recycled    next_step, close met, others
    recycle    offered, accepted, working     recycled   recycled    stopped
    give       offered, accepted, working     offered                new ones, but for those that
                                                                     go on
    won        offered, accepted, working     won        customer    all met
    lost       offered, accepted, working     lost       recycled    all met
    pause      offered, accepted, working                            stand still
    resume     waiting for the lead                                  go on, as by any other answer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select, update
from sqlmodel import Session

from handoff import clocks, closing, lifecycle, pauses, standing, wording
from handoff.offers import offer
from handoff.standing import Standing
from handoff.tables import HANDOFF, OPEN
from nurture.language.definitions import Definitions
from nurture.language.handoff import HandoffRules
from nurture.language.ladders import KINDS, Kind
from nurture.ledger.batches import fill, filling
from nurture.ledger.changed import changed
from nurture.ledger.errors import Conflict, InputRefused

LONGEST_WAIT = timedelta(days=366)


@dataclass(frozen=True)
class Answer:
    """What an answer did.  `done` is False for a late accept that changed nothing but was noted."""

    handoff: int
    state: str
    text: str
    done: bool = True


def accept(
    session: Session, definitions: Definitions, handoff: int, *,
    by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Take the lead.  Out of the queue it is taken by the rep named `by`.

    Late, but still with the same rep: it holds, and says how late.  After it was given on: whoever
    has it keeps it; the attempt is noted in the lead's timeline and `done` is False.
    """
    _rules(definitions)
    found = standing.of(session, handoff)
    if generation is not None and generation < found.generation and found.state in OPEN:
        return _too_late(session, definitions, found, by=by, generation=generation, now=now)
    values: dict[str, Any] = {"state": "accepted", "accepted_at": now}
    if not found.rep:
        values |= _taken(session, found, by, now=now)
    _decide(session, definitions, found, ("offered",), values, generation, now=now)
    if not found.rep:
        _start(session, definitions, found, why=f"taken out of the queue by {by}", now=now)
    late = standing.lateness(session, handoff, "accept", now=now)
    text = f"accepted by {_who(session, found, by)}{late}"
    clocks.meet(session, ("accept",), at=now, reason=text)
    _begin(session, definitions, found, ("close",), why="accepted", now=now)
    lifecycle.note(session, now=now, old=found.state, new="accepted", reason=text)
    lifecycle.move(session, "sal", now=now, reason=text, path=HANDOFF.c.path)
    lifecycle.touch(session)
    return Answer(handoff, "accepted", text)


def touch(
    session: Session, definitions: Definitions, handoff: int, *,
    how: str = "", by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Sales spoke to the lead, or wrote (`how`: called, mailed, met …).

    All clocks but close are met, and next_step starts anew; where it runs, each touch counts.
    """
    _rules(definitions)
    found = standing.of(session, handoff)
    again = found.state == "working"
    values: dict[str, Any] = {"state": "working", "last_touch_at": now}
    values["touched_at"] = found.touched_at if again else now
    values["accepted_at"] = found.accepted_at or now
    if not found.rep:
        values |= _taken(session, found, by, now=now)
    waited_for = again and standing.runs(session, handoff, "next_step")
    allowed = OPEN if waited_for else ("offered", "accepted")
    _decide(session, definitions, found, allowed, values, generation, now=now)
    if not found.rep:
        _start(session, definitions, found, why=f"taken out of the queue by {by}", now=now)
    kind: Kind = "next_step" if again else "first_touch"
    late = standing.lateness(session, handoff, kind, now=now)
    said = f" ({wording.one_line(how)[:80]})" if how else ""
    text = f"touched by {_who(session, found, by)}{said}{late}"
    clocks.meet(session, ("accept", "first_touch", "next_step"), at=now, reason=text)
    _begin(session, definitions, found, clocks.TOUCHED, why="touched", now=now)
    lifecycle.note(session, now=now, old=found.state, new="working", reason=text)
    lifecycle.move(session, "sal", now=now, reason=text, path=HANDOFF.c.path)
    lifecycle.touch(session)
    return Answer(handoff, "working", text)


def reject(
    session: Session, definitions: Definitions, handoff: int, *,
    reason: str, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Send the lead back with a reason: an allowed one, or free text of 3 to 300 characters.

    The lead is recycled and enters `recycle.sequence`.
    """
    return _send_back(
        session, definitions, handoff, "rejected", reason, by=by, generation=generation, now=now
    )


def recycle(
    session: Session, definitions: Definitions, handoff: int, *,
    reason: str, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Back to nurture after all, with a reason: not now, rather than not at all."""
    return _send_back(
        session, definitions, handoff, "recycled", reason, by=by, generation=generation, now=now
    )


def outcome(
    session: Session, definitions: Definitions, handoff: int, *,
    result: Literal["won", "lost"], reason: str = "", by: str = "",
    generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """The deal is won (the lead is a customer) or lost (it is recycled); lost wants a reason."""
    rules = _rules(definitions)
    if result not in ("won", "lost"):
        raise InputRefused(f"{result!r} is not an outcome: say won or lost.")
    wanted = bool(reason) or result == "lost"
    said = wording.reason(reason, rules.recycle.reasons) if wanted else ""
    found = standing.of(session, handoff)
    values = {
        "state": result, "closed_at": now, "outcome": said,
        "touched_at": found.touched_at or now, "accepted_at": found.accepted_at or now,
    }  # fmt: skip
    _decide(session, definitions, found, OPEN, values, generation, now=now)
    clocks.meet(session, KINDS, at=now, reason=result)
    text = _text(result, _who(session, found, by), said)
    lifecycle.note(session, now=now, old=found.state, new=result, reason=text)
    closing.finish(session, result, reason=text, now=now)
    if result == "lost":
        closing.send_back(session, definitions, rules.recycle.sequence, reason=text, now=now)
    return Answer(handoff, result, text)


def give(
    session: Session, definitions: Definitions, handoff: int, *,
    to: str, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Hand the lead to a colleague: a new offer with clocks of its own, whatever their room."""
    rules = _rules(definitions)
    found = standing.of(session, handoff)
    rep = standing.rep(session, to)
    if to == found.rep:
        raise Conflict(f"Handoff {handoff} is with {rep.name} already.")
    values = {
        "state": "offered", "rep": to, "generation": found.generation + 1,
        "offered_at": now, "accepted_at": None,
    }  # fmt: skip
    _decide(session, definitions, found, OPEN, values, generation, now=now)
    giver = _who(session, found, by)
    offer(session, definitions, rules, why=f"given by {giver}", now=now)
    text = f"given to {rep.name} by {giver}"
    lifecycle.note(session, now=now, old=found.rep or "queue", new=to, reason=text)
    lifecycle.touch(session)
    return Answer(handoff, "offered", text)


def pause(
    session: Session, definitions: Definitions, handoff: int, *,
    until: datetime, reason: str = "", by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Sales waits for the lead: the clocks stand still until the lead does something, sales is in
    touch or answers otherwise, or `until` (a year off at most).  Again: until another instant.

    Conflict in a queue, and where no clock runs that could stand still.
    """
    if not now < until <= now + LONGEST_WAIT:
        raise InputRefused("Say until when: an instant ahead, a year off at most.")
    found = standing.of(session, handoff)
    if not found.rep or not any(standing.runs(session, handoff, kind) for kind in KINDS):
        raise Conflict(f"No clock of handoff {handoff} runs for a rep: there is nothing to pause.")
    values = {"held_at": now, "held_until": until}
    _decide(session, definitions, found, OPEN, {}, generation, now=now)
    session.execute(update(HANDOFF).where(HANDOFF.c.id == handoff).values(**values))
    pauses.hold(session, now=now)
    said = f": {wording.one_line(reason)[:80]}" if reason else ""
    at = standing.say(definitions, found.team, until)
    text = f"{_who(session, found, by)} waits for the lead until {at}{said}"
    lifecycle.note(session, now=now, old=found.state, new=found.state, reason=text)
    return Answer(handoff, found.state, text)


def resume(
    session: Session, definitions: Definitions, handoff: int, *,
    by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Wait for the lead no more: the clocks go on with what was left of them."""
    found = standing.of(session, handoff)
    if found.held_until is None:
        raise Conflict(f"Handoff {handoff} does not wait for the lead. Nothing was changed.")
    _decide(session, definitions, found, OPEN, {}, generation, now=now)
    text = f"{_who(session, found, by)} waits for the lead no more"
    lifecycle.note(session, now=now, old=found.state, new=found.state, reason=text)
    return Answer(handoff, found.state, text)


def _rules(definitions: Definitions) -> HandoffRules:
    if definitions.handoff is None:
        raise Conflict("This workspace has no handoff.yaml: add one and run nurture apply.")
    return definitions.handoff


def _send_back(
    session: Session, definitions: Definitions, handoff: int, state: str, reason: str, *,
    by: str, generation: int | None, now: datetime,
) -> Answer:  # fmt: skip
    rules = _rules(definitions)
    said = wording.reason(reason, rules.recycle.reasons)
    found = standing.of(session, handoff)
    values = {"state": state, "closed_at": now, "outcome": said}
    _decide(session, definitions, found, OPEN, values, generation, now=now)
    text = _text(state, _who(session, found, by), said)
    clocks.meet(session, ("next_step", "close"), at=now, reason=text)
    lifecycle.note(session, now=now, old=found.state, new=state, reason=text)
    closing.finish(session, state, reason=text, now=now)
    closing.send_back(session, definitions, rules.recycle.sequence, reason=text, now=now)
    return Answer(handoff, state, text)


def _decide(
    session: Session, definitions: Definitions, found: Standing, allowed: Sequence[str],
    values: dict[str, Any], generation: int | None, *, now: datetime,
) -> None:  # fmt: skip
    """The one UPDATE that decides who was first; raises Conflict for everybody else.

    Afterwards `batch` holds the handoff, and clocks that waited for the lead go on.
    """
    wanted = found.generation if generation is None else generation
    decide = (
        update(HANDOFF)
        .where(HANDOFF.c.id == found.handoff, HANDOFF.c.state.in_(allowed))
        .where(HANDOFF.c.generation == wanted, HANDOFF.c.rep == found.rep)
        .values(**{"state": HANDOFF.c.state} | values)
    )
    if changed(session, decide) != 1:
        raise Conflict(standing.already(session, definitions, found.handoff))
    mine = HANDOFF.c.id == found.handoff
    fill(session, filling(select(HANDOFF.c.id, HANDOFF.c.lead_id).where(mine)))
    if found.held_until is not None:
        pauses.go_on(session, now=now)


def _taken(session: Session, found: Standing, by: str, *, now: datetime) -> dict[str, Any]:
    if not by:
        raise InputRefused(
            f"Handoff {found.handoff} waits in the queue of {found.team}: say which rep takes it."
        )
    rep = standing.rep(session, by)
    return {"rep": rep.rep, "generation": found.generation + 1, "offered_at": now}


def _start(
    session: Session, definitions: Definitions, found: Standing, *, why: str, now: datetime
) -> None:
    clocks.stop(session, now=now, reason="taken out of the queue", before=True)
    _begin(session, definitions, found, clocks.OFFERED, why=why, now=now)


def _begin(
    session: Session, definitions: Definitions, found: Standing, kinds: tuple[Kind, ...], *,
    why: str, now: datetime,
) -> None:  # fmt: skip
    """Start clocks, if the team is still one of handoff.yaml."""
    rules = _rules(definitions)
    if found.team in rules.teams:
        clocks.start(session, definitions, rules, why=why, now=now, kinds=kinds)


def _who(session: Session, found: Standing, by: str) -> str:
    return standing.name_of(session, by or found.rep) or "sales"


def _text(state: str, who: str, said: str) -> str:
    return f"{state} by {who}: {said}" if said else f"{state} by {who}"


def _too_late(
    session: Session, definitions: Definitions, found: Standing, *,
    by: str, generation: int, now: datetime,
) -> Answer:  # fmt: skip
    """Note that somebody accepted an offer that was given on meanwhile; change nothing."""
    held = by or standing.holder(session, found.handoff, generation)
    who = standing.name_of(session, held) or "somebody"
    own = select(HANDOFF.c.id, HANDOFF.c.lead_id).where(HANDOFF.c.id == found.handoff)
    fill(session, filling(own))
    lifecycle.note(
        session, now=now, old=found.state, new=found.state,
        reason=f"too late: {who} accepted after it was given on",
    )  # fmt: skip
    text = f"Too late. {standing.already(session, definitions, found.handoff, own=False)}"
    return Answer(found.handoff, found.state, text, done=False)
