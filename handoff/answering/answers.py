"""What sales says about a lead it is offered: accept, reject, touch, give, recycle, pause, snooze,
resume.

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
    pause      offered, accepted, working                            stand still
    snooze     offered, accepted, working, once                      stand still
    resume     waiting for the lead                                  go on, as by any other answer

What starts or stops after an answer, `follow_ups` knows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, true, update
from sqlmodel import Session

from handoff import lifecycle, standing, wording
from handoff.answering import closing, follow_ups
from handoff.answering.deciding import (
    Answer,
    begin,
    check_open,
    decide,
    rules_of,
    start,
    taken,
    text_of,
    who,
)
from handoff.routing.offers import offer
from handoff.sla import clocks, pauses
from handoff.standing import Standing
from handoff.tables import HANDOFF, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.ladders import KINDS, Kind
from nurture.ledger.errors import Conflict, InputRefused
from nurture.ledger.statements.batches import fill, filling

LONGEST_WAIT = timedelta(days=366)


def accept(
    session: Session, definitions: Definitions, handoff: int, *,
    by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Take the lead.  Out of the queue it is taken by the rep named `by`.

    Late, but still with the same rep: it holds, and says how late.  After it was given on: whoever
    has it keeps it; the attempt is noted in the lead's timeline and `done` is False.
    """
    rules_of(definitions)
    found = standing.of(session, handoff)
    if generation is not None and generation < found.generation and found.state in OPEN:
        return _too_late(session, definitions, found, by=by, generation=generation, now=now)
    values: dict[str, Any] = {"state": "accepted", "accepted_at": now}
    if not found.rep:
        values |= taken(session, found, by, now=now)
    decide(session, definitions, found, ("offered",), values, generation, now=now)
    if not found.rep:
        start(session, definitions, found, why=f"taken out of the queue by {by}", now=now)
    late = standing.lateness(session, handoff, "accept", now=now)
    text = f"accepted by {who(session, found, by)}{late}"
    clocks.meet(session, ("accept",), at=now, reason=text)
    begin(session, definitions, found, ("close",), why="accepted", now=now)
    lifecycle.note(session, now=now, old=found.state, new="accepted", reason=text)
    lifecycle.move(session, "sal", now=now, reason=text, path=HANDOFF.c.path)
    lifecycle.touch(session)
    follow_ups.follow(session, definitions, "accepted", reason=text, now=now)
    return Answer(handoff, "accepted", text)


def touch(
    session: Session, definitions: Definitions, handoff: int, *,
    how: str = "", by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Sales spoke to the lead, or wrote (`how`: called, mailed, met …).

    All clocks but close are met, and next_step starts anew; where it runs, each touch counts.
    """
    rules_of(definitions)
    found = standing.of(session, handoff)
    again = found.state == "working"
    values: dict[str, Any] = {"state": "working", "last_touch_at": now}
    values["touched_at"] = found.touched_at if again else now
    values["accepted_at"] = found.accepted_at or now
    if not found.rep:
        values |= taken(session, found, by, now=now)
    waited_for = again and standing.runs(session, handoff, "next_step")
    allowed = OPEN if waited_for else ("offered", "accepted")
    decide(session, definitions, found, allowed, values, generation, now=now)
    if not found.rep:
        start(session, definitions, found, why=f"taken out of the queue by {by}", now=now)
    kind: Kind = "next_step" if again else "first_touch"
    late = standing.lateness(session, handoff, kind, now=now)
    said = f" ({wording.one_line(how)[:80]})" if how else ""
    text = f"touched by {who(session, found, by)}{said}{late}"
    clocks.meet(session, ("accept", "first_touch", "next_step"), at=now, reason=text)
    begin(session, definitions, found, clocks.TOUCHED, why="touched", now=now)
    lifecycle.note(session, now=now, old=found.state, new="working", reason=text)
    lifecycle.move(session, "sal", now=now, reason=text, path=HANDOFF.c.path)
    lifecycle.touch(session)
    follow_ups.follow(session, definitions, "contacted", reason=text, now=now)
    return Answer(handoff, "working", text)


def reject(
    session: Session, definitions: Definitions, handoff: int, *,
    reason: str, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Send the lead back with a reason: an allowed one, or free text of 3 to 300 characters.

    The lead is recycled; what follows say `outcomes` and `recycle` of handoff.yaml.
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


def give(
    session: Session, definitions: Definitions, handoff: int, *,
    to: str, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Hand the lead to a colleague: a new offer with clocks of its own, whatever their room."""
    rules = rules_of(definitions)
    found = standing.of(session, handoff)
    rep = standing.rep(session, to)
    if to == found.rep:
        raise Conflict(f"Handoff {handoff} is with {rep.name} already.")
    values = {
        "state": "offered", "rep": to, "generation": found.generation + 1,
        "offered_at": now, "accepted_at": None,
    }  # fmt: skip
    decide(session, definitions, found, OPEN, values, generation, now=now)
    giver = who(session, found, by)
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
    check_open(session, definitions, found, generation)
    said = f": {wording.one_line(reason)[:80]}" if reason else ""
    at = standing.say(definitions, found.team, until)
    text = f"{who(session, found, by)} waits for the lead until {at}{said}"
    return _wait(session, definitions, found, text, until=until, generation=generation, now=now)


def snooze(
    session: Session, definitions: Definitions, handoff: int, *,
    length: timedelta, by: str = "", generation: int | None = None, now: datetime,
) -> Answer:  # fmt: skip
    """Not now: the clocks stand still for this long, or until the lead does something.

    Once for each rep who has the lead, and no longer than `snooze` of the team's policy: raises
    InputRefused for longer, Conflict the second time and where nobody may.
    """
    found = standing.of(session, handoff)
    check_open(session, definitions, found, generation)
    longest = snoozes(definitions, found.team)
    if longest is None:
        raise Conflict(f"Leads of {found.team} are not put off: handoff.yaml says snooze: never.")
    if not timedelta() < length <= longest:
        raise InputRefused(f"A lead may be put off for {standing.length(longest)} at most.")
    if found.snoozed == found.generation:
        raise Conflict(f"Handoff {handoff} was put off once. Nothing was changed.")
    if found.held_until is not None:
        raise Conflict(f"Handoff {handoff} waits for the lead already. Nothing was changed.")
    until = now + length
    at = standing.say(definitions, found.team, until)
    text = f"put off by {who(session, found, by)} until {at}"
    return _wait(
        session, definitions, found, text, until=until, generation=generation, now=now, once=True
    )


def snoozes(definitions: Definitions, team: str) -> timedelta | None:
    """The longest a rep of the team may put a lead off, None for not at all."""
    rules = definitions.handoff
    if rules is None or team not in rules.teams:
        return None
    return rules.sla[rules.teams[team].sla].snooze


def _wait(
    session: Session, definitions: Definitions, found: Standing, text: str, *,
    until: datetime, generation: int | None, now: datetime, once: bool = False,
) -> Answer:  # fmt: skip
    """Let the clocks stand still; Conflict where there is none that could."""
    handoff = found.handoff
    if not found.rep or not any(standing.runs(session, handoff, kind) for kind in KINDS):
        raise Conflict(f"No clock of handoff {handoff} runs for a rep: there is nothing to pause.")
    first = HANDOFF.c.snoozed < found.generation if once else true()
    values = {"snoozed": found.generation} if once else {}
    decide(session, definitions, found, OPEN, values, generation, now=now, where=first)
    waits = {"held_at": now, "held_until": until}
    session.execute(update(HANDOFF).where(HANDOFF.c.id == handoff).values(**waits))
    pauses.hold(session, now=now)
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
    decide(session, definitions, found, OPEN, {}, generation, now=now)
    text = f"{who(session, found, by)} waits for the lead no more"
    lifecycle.note(session, now=now, old=found.state, new=found.state, reason=text)
    return Answer(handoff, found.state, text)


def _send_back(
    session: Session, definitions: Definitions, handoff: int, state: str, reason: str, *,
    by: str, generation: int | None, now: datetime,
) -> Answer:  # fmt: skip
    rules = rules_of(definitions)
    said = wording.reason(reason, rules.recycle.reasons)
    found = standing.of(session, handoff)
    values = {"state": state, "closed_at": now, "outcome": said}
    decide(session, definitions, found, OPEN, values, generation, now=now)
    text = text_of(state, who(session, found, by), said)
    clocks.meet(session, ("next_step", "close"), at=now, reason=text)
    lifecycle.note(session, now=now, old=found.state, new=state, reason=text)
    closing.finish(session, state, reason=text, now=now)
    follow_ups.follow(session, definitions, state, said, reason=text, now=now)
    return Answer(handoff, state, text)


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
