"""What a pass did, in numbers a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tally:
    """How many leads (messages, handoffs …) each kind of thing happened to, by YAML path.

    Tallies add up; `more` says the pass stopped at its batch size and has to be called again.
    """

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    more: bool = False

    @classmethod
    def of(cls, what: str, count: int, *, path: str = "", more: bool = False) -> Tally:
        """A tally of one line; nothing when the count is zero."""
        return cls({(what, path): count} if count else {}, more)

    def __add__(self, other: Tally) -> Tally:
        counts = dict(self.counts)
        for line, count in other.counts.items():
            counts[line] = counts.get(line, 0) + count
        return Tally(counts, self.more or other.more)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def total(self, what: str) -> int:
        """How many `what`, over all paths."""
        return sum(count for (name, _), count in self.counts.items() if name == what)

    def rows(self) -> list[dict[str, str | int]]:
        """One row a line, for tables: what, where, how many."""
        return [
            {"what": what, "where": path, "leads": count}
            for (what, path), count in sorted(self.counts.items())
        ]
