"""Who enters: an event, a standing condition, a date, or by command, each with its own keys."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.view import View, text
from nurture.language.reading.later import LATER
from nurture.language.text.places import file_of
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table

OF_DATES = ("before", "after", "at")


def entry(view: View) -> Iterator[Problem]:
    """`enter` is an event (`when`), a standing condition (`segment`) or a date (`date`), the last
    perhaps with a segment."""
    for file in view.of("sequence"):
        enter = file.at(("enter",))
        if not isinstance(enter, Table):
            continue
        keys = enter.entries.keys()
        if keys & LATER["Enter"]:
            continue
        ways = ("when" in keys, bool(keys & {"segment", "date"}), "by" in keys)
        if sum(ways) != 1:
            message = (
                '"enter" needs either "when" with an event, "segment" with a condition, "date"'
                ' with a field of dates, or "by: command"'
            )
            yield file.problem(("enter",), "entry-form", message, key=True)
        for key, message in _strange(enter):
            yield file.problem(("enter", key), "entry-form", message, key=True)


def _strange(enter: Table) -> Iterator[tuple[str, str]]:
    """Keys that do not belong to this kind of entry, each with why."""
    keys = enter.entries.keys()
    what = "date" if "date" in keys else "segment"
    per = text(enter.get("once_per"))
    if what in keys and per is not None and per != "lead":
        yield "once_per", f'"once_per" counts a property of the entry event; a {what} has none'
    if "within" in keys and what == "segment" and "segment" in keys:
        yield "within", '"within" is about late entry events; a segment has none'
    if "within" in keys and "by" in keys:
        yield "within", '"within" is about late entry events and dates; here there are none'
    if "again" in keys and "date" in keys:
        yield "again", '"again" says nothing here: each date lets a lead in once'
    if "after" in keys and "before" in keys:
        yield "after", 'either "before" the date or "after" it'
    if "date" not in keys:
        yield from ((key, f'"{key}" belongs to a date') for key in OF_DATES if key in keys)


def goals(view: View) -> Iterator[Problem]:
    """What counts after the end is there."""
    for file in view.of("sequence"):
        own = file.tree is not None and not file_of(file.tree, ("goal_within",))
        if own and file.at(("goal_within",)) is not None and file.at(("goal",)) is None:
            message = '"goal_within" counts a goal after the end, and there is no "goal"'
            yield file.problem(("goal_within",), "goal-form", message, key=True)


CHECKS = (entry, goals)
