"""Statements built once and asked again: what differs from tick to tick is a parameter.

Building a statement costs more than asking it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Insert,
    Result,
    Select,
    bindparam,
    literal,
    select,
)
from sqlmodel import Session

from nurture.ledger.statements import batches
from nurture.ledger.statements.changed import changed
from nurture.ledger.types import Instant

NOW = bindparam("now", type_=Instant())
"""The tick's one instant."""

TICK = bindparam("tick", type_=BigInteger())
"""The number of the tick; 0 when it holds nothing new of anybody."""

Moment = datetime | ColumnElement[Any]
"""An instant a statement asks at: given with the statement, or `NOW`, given when it is asked."""


def moment(at: Moment) -> ColumnElement[Any]:
    """The instant as a value in SQL."""
    return literal(at, Instant()) if isinstance(at, datetime) else at


Question = Select[Any]
"""A query that has one value."""


def together(questions: Iterable[Question]) -> Select[Any]:
    """Several questions as one statement with a column each: a statement costs more than the
    look into an index it asks for."""
    return select(*(each.scalar_subquery().label(f"q{n}") for n, each in enumerate(questions)))


def soonest(session: Session, questions: Select[Any], **asked: Any) -> datetime | None:
    """The earliest of the instants that questions asked `together` find, None without any."""
    return earliest_of(session.execute(questions, asked).one())


def earliest_of(instants: Iterable[datetime | None]) -> datetime | None:
    """The earliest of those that are known, None without any."""
    return min((each for each in instants if each is not None), default=None)


@dataclass(frozen=True)
class Asking:
    """Who asks: a session, in one tick, at one `now`.  `more` are a statement's own parameters."""

    session: Session
    tick: int
    now: datetime

    def ask(self, statement: Executable, **more: Any) -> Result[Any]:
        """Execute a statement."""
        return self.session.connection().execute(statement, self._values(more))

    def run(self, statement: Executable, **more: Any) -> int:
        """Execute a writing statement; returns how many rows it changed."""
        return changed(self.session, statement, self._values(more))

    def _values(self, more: dict[str, Any]) -> dict[str, Any]:
        return {"now": self.now, "tick": self.tick} | more

    def fill(self, rows: Insert, **more: Any) -> int:
        """Replace the working set by `rows` (`batches.filling`); returns how many there are."""
        return batches.fill(self.session, rows, now=self.now, tick=self.tick, **more)
