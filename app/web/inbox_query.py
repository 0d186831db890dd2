"""What the inbox is asked for in the address: words it knows, all others left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from handoff.answering.closing import BECOMES
from handoff.desk.inbox import LONGEST_TEXT, Wanted
from handoff.desk.seats import Seat
from handoff.tables import OPEN
from handoff.wording import one_line

PAGE, MOST = 100, 1000
"""Handoffs shown at first, and after "show more" at most."""


@dataclass(frozen=True)
class Query:
    """Which handoffs a page shows, and how many."""

    wanted: Wanted
    shown: int = PAGE

    @property
    def text(self) -> str:
        """The query of an address that asks the same, '' for what is asked without one."""
        asked = {
            name: "1" if value is True else value
            for name, value in vars(self.wanted).items()
            if value
        }
        asked |= {"shown": str(self.shown)} if self.shown != PAGE else {}
        return f"?{urlencode(asked)}" if asked else ""

    @property
    def more(self) -> Query:
        """The same, and as many again."""
        return replace(self, shown=min(self.shown + PAGE, MOST))


def read(asked: Mapping[str, str], seat: Seat) -> Query:
    """What an address asks for, as far as this seat has it to see."""

    def one_of(name: str, known: tuple[str, ...]) -> str:
        return asked.get(name, "") if asked.get(name, "") in known else ""

    shown = asked.get("shown", "")
    which = one_of("whose", whose(seat)) or whose(seat)[0]
    wanted = Wanted(
        whose=which,
        state=one_of("state", states(which)),
        team=one_of("team", teams(seat)),
        rep=one_line(asked.get("rep", "")[:LONGEST_TEXT]),
        text=one_line(asked.get("text", "")[:LONGEST_TEXT]),
        late=asked.get("late", "") == "1",
        waiting=asked.get("waiting", "") == "1",
    )
    number = int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 6 else PAGE
    return Query(wanted, max(PAGE, min(number, MOST)))


def whose(seat: Seat) -> tuple[str, ...]:
    """The lists a seat has, its own first."""
    mine = ("mine", "queue", "closed") if seat.reps else ()
    return (*mine, "teams") if seat.managed else mine


def states(which: str) -> tuple[str, ...]:
    """The states handoffs of a list may have."""
    return tuple(BECOMES) if which == "closed" else OPEN


def teams(seat: Seat) -> tuple[str, ...]:
    """Every team a seat sees something of."""
    return tuple(dict.fromkeys((*seat.teams, *seat.managed)))
