"""Looks at splits that have a `winner`: what is counted, and the row that says what was found.

A winner matters only to leads that come to its split, so it is looked for when some do: nobody is
woken for it.  What is found is a row, and a row with a winner is the last of its split.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlmodel import Session

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.compiled.program import Program, Split
from nurture.language.files.winner import By
from nurture.language.grammar import words
from nurture.language.sql.values import Text
from nurture.ledger import tables as t
from nurture.ledger.statements.asking import NOW, Asking
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import insert_new_values, table_of, upsert_values
from nurture.ledger.types import Duration
from nurture.sequences.trial import Arm, judge, look_at

EVERY = timedelta(hours=1)
"""Leads that come sooner after a look do without one."""
RIPE = timedelta(days=1)
"""A mail counts so long after it was sent: those just sent would lower a rate."""
OUT = ("sent", "unknown")
DECISION = table_of(t.Decision).c
E = table_of(t.Enrolment).c
M = table_of(t.Message).c
G = table_of(t.Engagement).c
LOCK = table_of(t.Lock).c
LOOK = table_of(t.SplitLook).c


def consider(asking: Asking, definitions: Definitions, program: Program, split: Split) -> None:
    """Look at the split's arms if it is time, and write down what was found."""
    winner, session = split.winner, asking.session
    if winner is None or _decided(session, program.sequence, split.name):
        return
    name = f"split:{program.sequence}/{split.name}"
    until = session.execute(select(LOCK.until).where(LOCK.name == name)).scalar()
    if until is not None and until - EVERY <= asking.now < until:
        return
    rest = {"name": name, "owner": "", "until": asking.now + EVERY}
    upsert_values(session, t.Lock, ["name"], [rest])
    arms = counted(asking, definitions, program, split, winner.by)
    look = look_at(arms, winner.after)
    if look == 0:
        return
    found = judge(arms, look=look, confidence=winner.confidence)
    row = {
        "sequence": program.sequence, "split": split.name, "look": look, "at": asking.now,
        "by": winner.by, "confidence": winner.confidence,
        "arms": {arm: [each.sends, each.hits] for arm, each in arms.items()},
        "best": found.best, "against": found.against, "p": found.p, "low": found.low,
        "high": found.high, "winner": found.best if found.won else "",
    }  # fmt: skip
    insert_new_values(session, t.SplitLook, [row])


def _decided(session: Session, sequence: str, split: str) -> bool:
    return session.execute(won(sequence, split)).first() is not None


def won(sequence: str, split: str) -> Select[tuple[str]]:
    """The winner of a split, no row while there is none."""
    mine = (LOOK.sequence == sequence, LOOK.split == split, LOOK.winner != "")
    return select(LOOK.winner).where(*mine).order_by(LOOK.look).limit(1)


def was_drawn(sequence: str, split: str, lead: Any) -> ColumnElement[bool]:
    """The lead drew an arm of the split before: it stays there; leans on `decision_lead`."""
    past = table_of(t.Decision).alias("past")
    reason = words.drawn_for(split, "").removesuffix(" (")
    return (
        select(literal(1))
        .where(
            past.c.lead_id == lead,
            past.c.kind == "split",
            past.c.path.startswith(f"{sequence}/", autoescape=True),
            past.c.reason.startswith(reason, autoescape=True),
        )
        .correlate_except(past)
        .exists()
    )


def counted(
    asking: Asking, definitions: Definitions, program: Program, split: Split, by: By
) -> dict[str, Arm]:
    """Of each arm the leads a mail of it went to, a day ago or longer, and how many did it.

    Of those who drew the arm by chance alone, in any version; clicks that machines made are kept
    under a kind of their own, or were taken back, and count for nobody.
    """
    rows = asking.ask(_counts(definitions, program, split, by))
    found: Mapping[str, tuple[int, int]] = {arm: (sends, hits) for arm, sends, hits in rows}
    return {name: Arm(*found.get(name, (0, 0))) for name, _, _ in split.arms}


@once
def _counts(
    _: Definitions, program: Program, split: Split, by: By
) -> Select[tuple[str, int, int]]:
    """(arm, leads, of them those who did it); leans on `decision_split` and `message_step`."""
    drew = {
        arm: DECISION.reason.startswith(words.drawn_for(split.name, arm), autoescape=True)
        for arm, _, _ in split.arms
    }
    inside = [
        and_(test, M.path.contains(f"/arm {arm}/", autoescape=True)) for arm, test in drew.items()
    ]
    arm_of = case(*((test, literal(arm)) for arm, test in drew.items()))
    leads = (
        select(E.lead_id, arm_of.label("arm"), func.max(case((_did(by), 1), else_=0)).label("hit"))
        .join_from(table_of(t.Decision), table_of(t.Enrolment), E.id == DECISION.enrolment_id)
        .join(table_of(t.Message), M.enrolment_id == E.id)
        .where(
            DECISION.kind == "split",
            E.sequence == program.sequence,
            M.kind == "nurture",
            among(M.state, OUT),
            M.handed_at <= NOW - literal(RIPE, Duration()),
            or_(*inside),
        )
        .group_by(E.lead_id, arm_of)
        .subquery()
    )
    return select(leads.c.arm, func.count(), func.sum(leads.c.hit)).group_by(leads.c.arm)


def _did(by: By) -> ColumnElement[bool]:
    if by == "goal_rate":
        return or_(E.state == "goal", E.goal_at.is_not(None))
    own, after = G.message_id == M.id, G.occurred_at >= M.handed_at
    if by == "click_rate":
        told = and_(G.message_id.is_(None), Text.at(G.properties, "email") == M.template, after)
        happened = and_(G.kind == "email_clicked", or_(own, told))
    else:
        happened = and_(G.kind == "email_replied", or_(own, and_(G.message_id.is_(None), after)))
    mine = and_(G.lead_id == E.lead_id, G.withdrawn_at.is_(None), G.occurred_at <= NOW)
    engagement = table_of(t.Engagement)
    return (
        select(literal(1)).select_from(engagement).where(mine, happened)
        .correlate(table_of(t.Enrolment), table_of(t.Message)).exists()
    )  # fmt: skip
