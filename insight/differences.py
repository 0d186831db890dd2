"""Two simulations side by side: which figures differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from insight.outlook import Outlook

NAMED_BY = ("sequence", "stage", "mail", "team", "clock", "state", "reason", "webhook")
"""The fields that say what a line of figures is about."""
DAY_BY_DAY = "days"


@dataclass(frozen=True)
class Difference:
    """A figure that is not the same; what only one of the two has counts 0 in the other."""

    what: str
    old: float
    new: float

    @property
    def change(self) -> float:
        """How much more it is in the new one."""
        return round(self.new - self.old, 2)


def differences(old: Outlook, new: Outlook) -> list[Difference]:
    """The figures in which they differ, in the order they are told; not day by day."""
    before, after = dict(figures(old)), dict(figures(new))
    return [
        Difference(what, before.get(what, 0), after.get(what, 0))
        for what in dict.fromkeys((*after, *before))
        if before.get(what, 0) != after.get(what, 0)
    ]


def figures(outlook: Outlook) -> Iterator[tuple[str, float]]:
    """Every single number with its name: `mail / by mail / welcome / opened`."""
    yield from _numbers(outlook, ())


def _numbers(value: Any, names: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    if isinstance(value, int | float):
        yield " / ".join(names).replace("_", " "), value
    elif is_dataclass(value):
        for each in fields(value):
            if each.name != DAY_BY_DAY:
                inner = () if each.name in ("count", "stages") else (each.name,)
                yield from _numbers(getattr(value, each.name), (*names, *inner))
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, (*names, str(name)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            about = [getattr(each, name) for name in NAMED_BY if hasattr(each, name)]
            yield from _numbers(each, (*names, *about))
