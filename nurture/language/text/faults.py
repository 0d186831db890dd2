"""Several problems of one value, each with its place inside the value.

A validator that finds more than one thing wrong raises them together; pydantic merges them, with
its own prefix, into the one error of the file.  The place (`loc`) is a tuple of keys and indexes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]


def fault(
    rule: str, message: str, *, found: str = "", allowed: Iterable[str] = ()
) -> PydanticCustomError:
    """One problem as pydantic carries it: `rule` is its name, the rest is said to the reader."""
    details: dict[str, Any] = {"message": message, "found": found, "allowed": list(allowed)}
    return PydanticCustomError(rule, "{message}", details)


class Faults:
    """Collects problems with their places; `settle` raises them all if there are any."""

    def __init__(self) -> None:
        self._lines: list[InitErrorDetails] = []

    def add(
        self,
        loc: Loc,
        rule: str,
        message: str,
        *,
        found: str = "",
        allowed: Iterable[str] = (),
    ) -> None:
        """Note one problem at `loc`, relative to the value being read."""
        error = fault(rule, message, found=found, allowed=allowed)
        self._lines.append(InitErrorDetails(type=error, loc=loc, input=None))

    def settle(self) -> None:
        """Raise a ValidationError with every problem noted, or do nothing."""
        if self._lines:
            raise ValidationError.from_exception_data("problems", self._lines)
