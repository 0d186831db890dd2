"""Sending windows in which nothing can ever be sent."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.calendar.hours import (
    Calendar,
    intersect,
    outside,
    parse_days,
    parse_hours,
    weekly,
)
from nurture.language.checks.view import File, View, tables, text
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Node, Table, plain
from nurture.ledger.errors import InputRefused


def never_open(view: View) -> Iterator[Problem]:
    """A window, its calendar and waking hours have time in common: else its mails would wait for
    ever.  In a zone of its own a window may suit some leads and others not: delivery tells."""
    head = next(view.of("workspace"), None)
    waking = _waking(head)
    if head is not None and waking is not None and not any(waking.week):
        message = "quiet hours all week leave no time for any mail"
        yield head.problem(("quiet_hours",), "never-open", message)
        waking = None
    for file in view.of("sequence"):
        window = file.at(("timing", "window"))
        if head is None or not isinstance(window, Table):
            continue
        own, shared = _week(window, "mon-sun"), None
        if "calendar" in window.entries:
            office = head.at(("calendars", str(plain(window.entries["calendar"].node))))
            shared = _week(office, "mon-fri")
        theirs = text(file.at(("timing", "zone"))) in (None, "lead")
        message = _shut(own, shared, waking if theirs else None)
        if message:
            yield file.problem(("timing", "window"), "never-open", message)


def never_told(view: View) -> Iterator[Problem]:
    """The quiet hours of a channel end some time: else its notices would wait for ever."""
    for file in view.of("workspace"):
        for loc, channel in tables(file, ("channels",)):
            quiet = _week(channel.get("quiet_hours"), "mon-sun")
            if quiet is not None and not any(outside(quiet).week):
                message = "quiet hours all week leave no time to tell anybody anything"
                yield file.problem((*loc, "quiet_hours"), "never-open", message)


def _shut(own: Calendar | None, shared: Calendar | None, waking: Calendar | None) -> str:
    """Why a window never opens, '' when it does."""
    if own is None:
        return ""
    open_ = intersect([own, shared] if shared else [own])
    if shared and not any(open_.week):
        return "the window and its calendar are never open at the same time"
    if waking and not any(intersect([open_, waking]).week):
        return "the window is never open outside the quiet hours of nurture.yaml"
    return ""


def _waking(head: File | None) -> Calendar | None:
    """What quiet hours leave of the week, None without them."""
    quiet = _week(head.at(("quiet_hours",)), "mon-sun") if head else None
    return outside(quiet) if quiet else None


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

CHECKS = (never_open, never_told)
