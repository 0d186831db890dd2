"""How many rows a statement changed, for passes that tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable
from sqlmodel import Session


def changed(
    session: Session, statement: Executable, asked: Mapping[str, Any] | None = None
) -> int:
    """Execute a writing statement, with the values of its parameters; how many rows it inserted,
    updated or deleted."""
    return int(session.connection().execute(statement, asked).rowcount)
