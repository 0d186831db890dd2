"""What a benchmark found, what the design asks of it, and when there is nothing to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NAMED = 5
"""Differences that are named."""


class Missing(Exception):
    """Something a benchmark needs is not on this machine; the words say what, and how to get it."""


class Unequal(Exception):
    """Baseline and engine did not do the same work: a ratio of their times would say nothing."""


@dataclass(frozen=True)
class Figure:
    """One thing measured, in `unit`, and its bound, if the design names one."""

    what: str
    seen: float
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        if self.at_least is not None:
            return self.seen >= self.at_least
        return None if self.at_most is None else self.seen <= self.at_most

    @property
    def target(self) -> str:
        """The bound as people write it."""
        if self.at_least is not None:
            return f"at least {self._said(self.at_least)}"
        return "" if self.at_most is None else f"at most {self._said(self.at_most)}"

    @property
    def value(self) -> str:
        """What was seen, with its unit."""
        return self._said(self.seen)

    def plain(self) -> dict[str, Any]:
        """Everything as JSON knows it."""
        return asdict(self) | {"met": self.met}

    def _said(self, number: float) -> str:
        places = 0 if number >= 100 or float(number).is_integer() else 2
        return f"{number:,.{places}f} {self.unit}"


def same(theirs: Mapping[str, Any], mine: Mapping[str, Any], *, where: str) -> None:
    """Raise Unequal, naming the first sums in which baseline and engine differ, and how many do."""
    differ = [
        f"{name} {theirs.get(name)} / {mine.get(name)}"
        for name in sorted({*theirs, *mine})
        if theirs.get(name) != mine.get(name)
    ]
    if differ:
        many = f" ({len(differ)} in all)" if len(differ) > NAMED else ""
        raise Unequal(
            f"{where}: baseline and engine wrote different rows: {', '.join(differ[:NAMED])}{many}"
        )


def table(rows: Sequence[tuple[str, Figure]]) -> str:
    """The summary: benchmark, what, seen, target, met."""
    verdict = {True: "yes", False: "NO", None: ""}
    cells = [("benchmark", "what", "seen", "target", "met")] + [
        (name, each.what, each.value, each.target, verdict[each.met]) for name, each in rows
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:<{widths[3]}}  {row[4]}".rstrip()
        for row in cells
    )
