"""Signing in by a link that works once, and the sessions of browsers that come of it.

A link's secret is in a mail, or on the terminal of whoever asked for it; a session's is in a
cookie; rows hold their SHA-256.  Who may still come in is not kept here: that is asked anew, by the
address, at each request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import and_, case, delete, func, or_, select, update
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.access import credentials
from nurture.ledger.statements.changed import changed
from nurture.ledger.statements.upsert import table_of

LINK_LIVES = timedelta(minutes=15)
LINKS = 3
"""Links for one address that a network may ask for while one lives."""
IN_ALL = 30
"""Links for one address in `COUNTED`, from wherever: more than two networks can ask for."""
COUNTED = timedelta(hours=1)
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=5)
"""How exactly `seen_at` is kept."""
KEPT = timedelta(days=1)
"""Rows are dropped so long after they are over."""
LINK, SESSION = table_of(t.SignIn), table_of(t.WebSession)

State = Literal["good", "used", "over", "elsewhere"]


@dataclass(frozen=True)
class Link:
    """A link that somebody follows: `good`, `used` up, `over` since its time ran out, or asked for
    `elsewhere`, in another browser."""

    prefix: str
    email: str
    state: State


@dataclass(frozen=True)
class Signed:
    """A session in force; `stale` when it is time to write down that it was seen."""

    number: int
    email: str
    stale: bool


def make_link(
    session: Session, email: str, *, browser: str = "", network: str = "", now: datetime
) -> str | None:
    """The token of a new link for an address, good in the browser with this secret ('': in any).

    None after `LINKS` from this network, so that whoever asks in another's name keeps only those
    beside them from a link, and after `IN_ALL`, which the owner of a full mailbox is spared.
    """
    if browser and _enough(session, email, network, now=now):
        return None
    made = credentials.fresh()
    session.add(
        t.SignIn(
            prefix=made.prefix,
            secret_hash=made.secret_hash,
            email=email,
            browser_hash=credentials.hashed(browser) if browser else "",
            network=network,
            created_at=now,
            expires_at=now + LINK_LIVES,
        )
    )
    session.flush()
    return made.text


def _enough(session: Session, email: str, network: str, *, now: datetime) -> bool:
    """Whether no more links are mailed to the address; leans on `sign_in_email`."""
    here = and_(LINK.c.network == network, LINK.c.created_at > now - LINK_LIVES)
    asked = select(func.count(), func.count(case((here, 1)))).where(
        LINK.c.email == email, LINK.c.created_at > now - COUNTED, LINK.c.browser_hash != ""
    )
    in_all, from_here = session.execute(asked).one()
    return bool(in_all >= IN_ALL or from_here >= LINKS)


def find_link(session: Session, given: str, *, browser: str, now: datetime) -> Link | None:
    """The link of a token as it looks in this browser; None for one that was never made."""
    prefix, secret = credentials.parts(given)
    row = session.execute(select(LINK).where(LINK.c.prefix == prefix)).one_or_none()
    if not credentials.fits(secret, row.secret_hash if row else None) or row is None:
        return None
    state: State = "good"
    if row.used_at is not None:
        state = "used"
    elif row.expires_at <= now:
        state = "over"
    elif row.browser_hash and not credentials.fits(browser, row.browser_hash):
        state = "elsewhere"
    return Link(prefix, row.email, state)


def use_link(session: Session, link: Link, *, now: datetime) -> str | None:
    """Use the link up and begin a session; the text for its cookie, None if somebody was faster."""
    still = (LINK.c.prefix == link.prefix, LINK.c.used_at.is_(None), LINK.c.expires_at > now)
    if link.state != "good" or not changed(session, update(LINK).where(*still).values(used_at=now)):
        return None
    made = credentials.fresh()
    session.add(
        t.WebSession(
            prefix=made.prefix,
            secret_hash=made.secret_hash,
            email=link.email,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
        )
    )
    session.flush()
    return made.text


def find_session(session: Session, given: str, *, now: datetime) -> Signed | None:
    """Whose session a cookie names; None for a wrong one, and one that is over or was ended."""
    prefix, secret = credentials.parts(given)
    row = session.execute(select(SESSION).where(SESSION.c.prefix == prefix)).one_or_none()
    if not credentials.fits(secret, row.secret_hash if row else None) or row is None:
        return None
    if row.ended_at is not None or now >= min(row.expires_at, row.seen_at + IDLE):
        return None
    return Signed(row.id, row.email, now - row.seen_at >= SEEN_EVERY)


def note_seen(session: Session, number: int, *, now: datetime) -> None:
    """The session was used at `now`; an older instant is no news."""
    row = update(SESSION).where(SESSION.c.id == number, SESSION.c.seen_at < now)
    session.execute(row.values(seen_at=now))


def sign_out(session: Session, signed: Signed, *, everywhere: bool, now: datetime) -> int:
    """End the session; `everywhere` ends all of its address, and the links it asked for.

    Returns how many sessions ended.
    """
    mine = SESSION.c.email == signed.email if everywhere else SESSION.c.id == signed.number
    if everywhere:
        links = update(LINK).where(LINK.c.email == signed.email, LINK.c.used_at.is_(None))
        session.execute(links.values(used_at=now))
    going = update(SESSION).where(mine, SESSION.c.ended_at.is_(None))
    return changed(session, going.values(ended_at=now))


def drop_old(session: Session, *, now: datetime) -> int:
    """Drop links and sessions that were over a day ago; returns how many."""
    old = now - KEPT
    over = or_(
        SESSION.c.expires_at < old, SESSION.c.ended_at < old, SESSION.c.seen_at < old - IDLE
    )
    gone = changed(session, delete(LINK).where(LINK.c.expires_at < old))
    return gone + changed(session, delete(SESSION).where(over))
