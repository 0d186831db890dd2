"""Sending windows in which nothing can ever be sent."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.calendar.hours import Calendar, intersect, parse_days, parse_hours, weekly
from nurture.language.checks.view import View
from nurture.language.problems import Problem
from nurture.language.tree import Node, Table, plain
from nurture.ledger.errors import InputRefused


def never_open(view: View) -> Iterator[Problem]:
    """A window and its calendar have hours in common: else its mails would wait for ever."""
    head = next(view.of("workspace"), None)
    for file in view.of("sequence"):
        window = file.at(("timing", "window"))
        if head is None or not isinstance(window, Table) or "calendar" not in window.entries:
            continue
        office = head.at(("calendars", str(plain(window.entries["calendar"].node))))
        own, shared = _week(window, "mon-sun"), _week(office, "mon-fri")
        if own and shared and not any(intersect([own, shared]).week):
            message = "the window and its calendar are never open at the same time"
            yield file.problem(("timing", "window"), "never-open", message)


def _week(node: Node | None, days: str) -> Calendar | None:
    """The weekly hours as written, None when they cannot be read."""
    if not isinstance(node, Table):
        return None
    said = plain(node)
    try:
        return weekly(parse_days(said.get("days", days)), parse_hours(said.get("hours", _ALL_DAY)))
    except InputRefused:
        return None


_ALL_DAY = "00:00-24:00"

CHECKS = (never_open,)
