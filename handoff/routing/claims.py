"""Whose a lead is already: the rep its rule names, its owner, who has its colleagues, who had it.

A team's `first` says which of these count, in which order.  A claim holds for reps of the team who
are here and have room, also outside their hours: the lead is theirs, and their clock begins with
their next working hour.  Who is away, paused or full holds no lead up: it goes by turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Update,
    and_,
    case,
    func,
    or_,
    select,
)

from handoff.routing import availability as can
from handoff.routing.turns import Circle, given
from handoff.tables import HANDOFF, LEAD, MEMBER, REP
from nurture.language.sql.values import Folded, Text
from nurture.ledger.statements.batches import batch

WHY = {
    "named": "the rule names them",
    "owner": "owns the lead",
    "company": "has the lead's colleagues",
    "parent": "has the customer it belongs to",
    "last_rep": "had the lead before",
}
"""The claims, and what each says of the rep."""

FREE_MAIL = (
    "aol.com", "bluewin.ch", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com",
    "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.de",
    "hotmail.fr", "icloud.com", "laposte.net", "libero.it", "live.com", "mac.com", "mail.com",
    "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "outlook.com", "outlook.de",
    "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com", "rocketmail.com", "seznam.cz",
    "t-online.de", "tutanota.com", "wanadoo.fr", "web.de", "wp.pl", "yahoo.co.uk", "yahoo.com",
    "yahoo.de", "yahoo.fr", "yandex.ru", "ymail.com", "zoho.com",
)  # fmt: skip
"""Where anybody may have an address: whoever has one there is nobody's colleague for that."""


def domain_of(key: ColumnElement[Any]) -> ColumnElement[str]:
    """The company's domain of an address, '' for none and where anybody may have one.

    An address has one `@` outside quotes, and no quotes in its domain.
    """
    domain = func.replace(key, func.rtrim(key, func.replace(key, "@", "")), "")
    return case((or_(key.is_(None), domain.in_(FREE_MAIL)), ""), else_=domain)


def text_of(field: str) -> ColumnElement[str]:
    """What a field of the lead's own says, '' for nothing; A to Z in lower case."""
    return func.coalesce(Folded(Text.at(LEAD.c.attributes, field)), "")


@lru_cache(maxsize=1_000)
def give_to(claim: str, circle: Circle, owner: str) -> Update:
    """Give the working set's handoffs to the reps who have this claim to them, oldest first.

    Asked with `now`; writes rep, generation and `offered_at`.  `owner` is the field that names one.
    """
    here = (
        select(REP.c.rep, Folded(REP.c.email).label("email"), can.room().label("room"))
        .join(MEMBER, MEMBER.c.rep == REP.c.rep)
        .where(MEMBER.c.team == circle.team, can.present(circle.excluded, circle.skills))
        .cte("here")
        .prefix_with("MATERIALIZED")
    )
    claimed = _CLAIMS[claim](here, owner).where(here.c.room >= 1).cte("claimed")
    place = func.row_number().over(
        partition_by=claimed.c.rep, order_by=(claimed.c.opened_at, claimed.c.id)
    )
    numbered = select(*claimed.c, place.label("place")).cte("numbered")
    return given(
        select(numbered.c.id, numbered.c.rep)
        .where(numbered.c.place <= numbered.c.room)
        .cte("matched")
    )


def _waiting(here: CTE, source: FromClause, fits: ColumnElement[bool]) -> Select[Any]:
    """(id, opened_at, rep, room): the working set's queued handoffs with a rep who fits."""
    return (
        select(HANDOFF.c.id, HANDOFF.c.opened_at, here.c.rep, here.c.room)
        .select_from(source)
        .join(here, fits)
        .where(HANDOFF.c.rep == "")
    )


_OF_BATCH = batch.join(HANDOFF, HANDOFF.c.id == batch.c.id)


def _named(here: CTE, _: str) -> Select[Any]:
    return _waiting(here, _OF_BATCH, HANDOFF.c.named == here.c.rep)


def _owner(here: CTE, owner: str) -> Select[Any]:
    said = text_of(owner)
    lead = _OF_BATCH.join(LEAD, LEAD.c.id == HANDOFF.c.lead_id)
    return _waiting(here, lead, and_(said != "", or_(said == here.c.rep, said == here.c.email)))


def _before(same: Callable[[Any], ColumnElement[bool]]) -> Callable[[CTE, str], Select[Any]]:
    """Who of those here with room had the latest handoff that is the `same` in something."""

    def claimed(here: CTE, _: str) -> Select[Any]:
        other, who = HANDOFF.alias("other"), here.alias("who")
        latest = (
            select(other.c.rep)
            .join(who, who.c.rep == other.c.rep)
            .where(same(other), other.c.id != HANDOFF.c.id, other.c.state != "lapsed")
            .where(who.c.room >= 1)
            .order_by(other.c.id.desc())
            .limit(1)
            .correlate(HANDOFF)
            .scalar_subquery()
        )
        # Kept, so that it is asked once a handoff, not once for each of those here.
        found = select(HANDOFF.c.id.label("handoff"), latest.label("rep"))
        before = found.select_from(_OF_BATCH).cte("before").prefix_with("MATERIALIZED")
        source = _OF_BATCH.join(before, before.c.handoff == HANDOFF.c.id)
        return _waiting(here, source, here.c.rep == before.c.rep)

    return claimed


_CLAIMS: dict[str, Callable[[CTE, str], Select[Any]]] = {
    "named": _named,
    "owner": _owner,
    "company": _before(
        lambda other: and_(
            other.c.domain == HANDOFF.c.domain, other.c.domain != "",
            other.c.lead_id != HANDOFF.c.lead_id,
        )
    ),
    "parent": _before(
        lambda other: and_(
            other.c.parent == HANDOFF.c.parent, other.c.parent != "",
            other.c.lead_id != HANDOFF.c.lead_id,
        )
    ),
    "last_rep": _before(lambda other: other.c.lead_id == HANDOFF.c.lead_id),
}  # fmt: skip
