"""Whether the database under the ledger is what it should be: asked of itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from nurture.ledger.engine import PRAGMAS

SOUND = "ok"


def server_version(session: Session) -> str:
    """The version of the PostgreSQL server."""
    return str(session.execute(text("SHOW server_version")).scalar())


def server_time(session: Session) -> datetime:
    """What time it is by the clock of the PostgreSQL server, at this moment of its answer."""
    said: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return said


def wrong_pragmas(session: Session) -> list[str]:
    """What of SQLite's settings did not take, in words; some file systems refuse them."""
    found = {name: str(session.execute(text(f"PRAGMA {name}")).scalar()) for name in PRAGMAS}
    return [
        f"{name} is {found[name]}, not {wanted}"
        for name, wanted in PRAGMAS.items()
        if found[name] != wanted
    ]


def quick_check(session: Session) -> str:
    """What SQLite says of its file: SOUND, or the first thing that is damaged."""
    return str(session.execute(text("PRAGMA quick_check(1)")).scalar())
