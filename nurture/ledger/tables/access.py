"""Who may come in, and who is at work."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from nurture.ledger.tables.columns import instant, key, number, words


class Token(SQLModel, table=True):
    """An API token: shown once as `<prefix>_<secret>`, kept as the secret's SHA-256."""

    __tablename__ = "token"

    prefix: str = Field(primary_key=True)
    secret_hash: str = words()
    name: str = words()
    scope: str = words("ingest")
    created_at: datetime = instant()
    expires_at: datetime | None = instant(required=False)
    used_at: datetime | None = instant(required=False)
    revoked_at: datetime | None = instant(required=False)


class SignIn(SQLModel, table=True):
    """A link that signs somebody of sales in, once: its secret is in a mail alone, or was printed.

    `browser_hash` is that of the secret in the browser that asked, '' where any browser will do;
    `network` is the part of the net it asked from, '' for this machine.
    """

    __tablename__ = "sign_in"
    __table_args__ = (Index("sign_in_email", "email", "created_at"),)

    prefix: str = Field(primary_key=True)
    secret_hash: str = words()
    email: str = words()
    browser_hash: str = words()
    network: str = words()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(required=False)


class WebSession(SQLModel, table=True):
    """A browser in which somebody of sales is signed in, by the secret of its cookie.

    It ends at `expires_at`, or some hours after `seen_at`; `ended_at` is when somebody ended it.
    """

    __tablename__ = "web_session"
    __table_args__ = (
        Index("web_session_prefix", "prefix", unique=True),
        Index("web_session_email", "email"),
    )

    id: int | None = key()
    prefix: str = words()
    secret_hash: str = words()
    email: str = words()
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(required=False)


class IdempotencyKey(SQLModel, table=True):
    """A request that came under a key of its sender, and what was answered, to be answered again
    when it is repeated; `request` tells it from another one under the same key."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_at", "at"),)

    token: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request: str = words()
    status: int = number()
    body: str = words()
    at: datetime = instant()


class Lock(SQLModel, table=True):
    """Whose turn it is (`tick`): single flight spares work; correctness stays in unique keys."""

    __tablename__ = "lock"

    name: str = Field(primary_key=True)
    owner: str = words()
    until: datetime | None = instant(required=False)


class Tick(SQLModel, table=True):
    """One run over everything due at `now`; unfinished ones of a dead owner are taken over."""

    __tablename__ = "tick"
    __table_args__ = (
        Index("tick_unfinished", "id", postgresql_where=text("finished_at IS NULL"),
              sqlite_where=text("finished_at IS NULL")),
    )

    id: int | None = key()
    now: datetime = instant()
    owner: str = words()
    finished_at: datetime | None = instant(required=False)
