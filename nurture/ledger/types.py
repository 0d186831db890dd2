"""Column types shared by every table: instants, durations, keys and documents."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1, 1, 2, tzinfo=UTC)
LAST = datetime(9999, 12, 30, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Key = BigInteger().with_variant(Integer, "sqlite")
"""A surrogate key: 64 bits everywhere (SQLite numbers rows by `INTEGER` alone)."""

Document = JSON().with_variant(JSONB, "postgresql")
"""A JSON object or array."""


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an aware instant; a naive one raises ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone: the ledger takes aware instants only")
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC instant of a number of microseconds since 1970; beyond all calendars (400 days
    after a lead's 9999-12-31) the first or the last there is anywhere."""
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return LAST if micros > 0 else FIRST


class Duration(TypeDecorator[timedelta]):
    """A length of time in whole microseconds, so that SQL can add it to an instant."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | int | None, dialect: Dialect) -> int | None:
        return value // MICROSECOND if isinstance(value, timedelta) else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """A UTC instant in whole microseconds since 1970; naive values are refused.

    Stored as a number (ADR 002) so that `due_at + wait`, local dates and the rank in an
    opening interval are the same integer arithmetic on SQLite and PostgreSQL.
    """

    impl = BigInteger
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[datetime]):
        """Instant ± duration is an instant; instant - instant is a duration."""

        def _adapt_expression(
            self, op: OperatorType, other_comparator: Any
        ) -> tuple[OperatorType, TypeEngine[Any]]:
            if op is operator.sub and isinstance(other_comparator.type, Instant):
                return op, Duration()
            return op, self.type

    comparator_factory = Comparator

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        return to_micros(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return Duration() if isinstance(value, timedelta) else self
