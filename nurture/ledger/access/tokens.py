"""API tokens: shown once as `<prefix>_<secret>`, kept as the secret's SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.access import credentials
from nurture.ledger.errors import InputRefused, NotFound

SCOPES = ("ingest", "read", "sales", "operate", "admin")

ALLOWS = {
    "ingest": {"ingest"},
    "read": {"read"},
    "sales": {"sales"},
    "operate": {"ingest", "read", "sales", "operate"},
    "admin": {"ingest", "read", "sales", "operate", "admin"},
}
USED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Bearer:
    """Who a valid token stands for."""

    prefix: str
    name: str
    scope: str

    def may(self, scope: str) -> bool:
        """Whether the token's scope covers what is asked for."""
        return scope in ALLOWS[self.scope]


def create_token(
    session: Session, *, name: str, scope: str, now: datetime, expires_at: datetime | None = None
) -> str:
    """Make a token and return it; it is not to be had again.  Raises InputRefused."""
    if scope not in SCOPES:
        raise InputRefused(f"{scope!r} is no scope: one of {', '.join(SCOPES)}")
    if expires_at is not None and expires_at <= now:
        raise InputRefused(f"the token would have expired at {expires_at.isoformat()} already")
    made = credentials.fresh()
    session.add(
        t.Token(
            prefix=made.prefix,
            secret_hash=made.secret_hash,
            name=name,
            scope=scope,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return made.text


def list_tokens(session: Session) -> Sequence[t.Token]:
    """Every token, oldest first, revoked and expired ones too."""
    found = session.execute(select(t.Token).order_by(col(t.Token.created_at), col(t.Token.prefix)))
    return found.scalars().all()


def revoke_token(session: Session, prefix: str, *, now: datetime) -> bool:
    """From now on the token opens nothing; False if it was revoked before.  Raises NotFound."""
    token = session.get(t.Token, prefix.partition("_")[0])
    if token is None:
        raise NotFound(f"There is no token {prefix.partition('_')[0]!r}")
    if token.revoked_at is not None:
        return False
    token.revoked_at = now
    session.flush()
    return True


def verify_token(session: Session, given: str, *, now: datetime) -> Bearer | None:
    """Who the token stands for; None for a wrong, expired or revoked one.

    Every answer takes one look-up, one hash and one comparison in constant time, so that the time
    tells nothing about which part was wrong.  `used_at` is kept to five minutes.
    """
    prefix, secret = credentials.parts(given)
    token = session.execute(
        select(t.Token).where(col(t.Token.prefix) == prefix)
    ).scalar_one_or_none()
    right = credentials.fits(secret, token.secret_hash if token else None)
    if not right or token is None or not _stands(token, now):
        return None
    if token.used_at is None or now - token.used_at >= USED_EVERY:
        session.execute(update(t.Token).where(col(t.Token.prefix) == prefix).values(used_at=now))
    return Bearer(token.prefix, token.name, token.scope)


def _stands(token: t.Token, now: datetime) -> bool:
    expired = token.expires_at is not None and token.expires_at <= now
    return token.revoked_at is None and not expired
