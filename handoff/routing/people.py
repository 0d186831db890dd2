"""Reps and members as rows, so that turns, room and working hours can be joined."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, tuple_, update
from sqlmodel import Session

from handoff.tables import MEMBER, REP
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.hours import rep_duty, rep_hours
from nurture.language.files.teams import RepModel
from nurture.ledger import tables as t
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.upsert import upsert_values
from nurture.ledger.tally import Tally


def sync_people(session: Session, definitions: Definitions) -> Tally:
    """Write the applied handoff.yaml's people into `rep` and `member`; without one there are none.

    Afterwards exactly its reps are active; who is gone keeps a row (their handoffs name it).  Turns
    and pauses stay as they are.  A rep in several teams has one room and one turn, in the words of
    the first.
    """
    rules = definitions.handoff
    reps, members = _rows(definitions, rules) if rules is not None else ({}, [])
    # By name, as turns are locked: else an apply and a tick could wait for each other.
    upsert_values(session, t.Rep, ["rep"], [reps[name] for name in sorted(reps)])
    gone = changed(
        session,
        update(REP).where(REP.c.rep.not_in(list(reps)), REP.c.active).values(active=False),
    )
    left = tuple_(MEMBER.c.team, MEMBER.c.rep).not_in(
        [(each["team"], each["rep"]) for each in members]
    )
    session.execute(delete(MEMBER).where(left))
    upsert_values(session, t.Member, ["team", "rep"], members)
    return Tally.of("reps", len(reps)) + Tally.of("reps gone", gone)


def _rows(
    definitions: Definitions, rules: HandoffRules
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    reps: dict[str, dict[str, Any]] = {}
    members = []
    for name, team in rules.teams.items():
        for place, rep in enumerate(team.reps, start=1):
            members.append({"team": name, "rep": rep.rep, "place": place})
            reps.setdefault(rep.rep, _rep(definitions, rules, name, rep, len(reps) + 1))
    return reps, members


def _rep(
    definitions: Definitions, rules: HandoffRules, team: str, rep: RepModel, place: int
) -> dict[str, Any]:
    return {
        "rep": rep.rep,
        "name": rep.name,
        "email": rep.email,
        "zone": rep.zone or rules.teams[team].zone,
        "hours": rep_hours(rules, definitions.workspace, team, rep),
        "duty": rep_duty(rules, definitions.workspace, team, rep),
        "room": rep.room,
        "per_day": rep.per_day,
        "weight": rep.weight,
        "skills": ",".join(sorted(set(rep.skills))),
        "place": place,
        "active": True,
    }

