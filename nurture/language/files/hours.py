"""When windows, teams and reps are at work: calendars by key, the key naming its content.

A key ends in a hash of the very hours and days off behind it.  Whatever changes them (an edit, a
newer list of public holidays) gives a new key, and `opening` rows of the old one stay true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache

from nurture.calendar.holidays import days_off
from nurture.calendar.hours import (
    DAYS,
    Calendar,
    intersect,
    outside,
    parse_days,
    parse_hours,
    weekly,
)
from nurture.language.files.channels import QuietHours
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.sequence import WindowModel
from nurture.language.files.teams import RepModel
from nurture.language.files.workspace import CalendarModel, Workspace

YEARS = range(2015, 2051)
"""The years public holidays are known for; computing them takes no clock."""

Keyed = tuple[str, Calendar]
Written = str | Sequence[str]


@lru_cache(maxsize=64)
def _holidays(country: str | None, subdivision: str | None) -> frozenset[date]:
    return days_off(country, subdivision, YEARS)


def calendar_of(model: CalendarModel) -> Calendar:
    """An office calendar: weekly hours less public holidays and own days off."""
    place = model.holidays
    public = _holidays(place.country, place.subdivision) if place else frozenset()
    own = frozenset(date.fromisoformat(day) for day in model.closed)
    return weekly(parse_days(_list(model.days)), parse_hours(model.hours), public | own)


def _list(written: Written) -> str | list[str]:
    return written if isinstance(written, str) else list(written)


@lru_cache(maxsize=256)
def _hash(calendar: Calendar) -> str:
    content = repr((calendar.week, sorted(calendar.days_off)))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _keyed(label: str, calendar: Calendar) -> Keyed:
    return f"{label} {_hash(calendar)}", calendar


def say_days(days: Sequence[int]) -> str:
    """Weekdays in one canonical form: `mon-fri`, `mon,wed`."""
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)


def window_hours(window: WindowModel, workspace: Workspace) -> Keyed:
    """The hours of a sending window: its own, within those of its calendar."""
    parts, label = [], []
    if window.days is not None or window.hours is not None:
        days = parse_days(_list(window.days or "mon-sun"))
        hours = parse_hours(window.hours or "00:00-24:00")
        parts.append(weekly(days, hours))
        spans = ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in hours)
        label += [say_days(days), spans]
    if window.calendar is not None:
        parts.append(calendar_of(workspace.calendars[window.calendar]))
        label.append(window.calendar)
    return _keyed(" ".join(label) or "always", intersect(parts))


def waking_hours(workspace: Workspace) -> Keyed | None:
    """When a lead may get nurture mail: what quiet hours leave; None without them."""
    quiet = workspace.quiet_hours
    if quiet is None:
        return None
    return _keyed("outside quiet hours", outside_quiet_hours(quiet))


def outside_quiet_hours(quiet: QuietHours) -> Calendar:
    """Open whenever quiet hours are not."""
    return outside(weekly(parse_days(_list(quiet.days)), parse_hours(quiet.hours)))


def team_hours(rules: HandoffRules, workspace: Workspace, team: str) -> str:
    """The key in `opening` of a team's working hours."""
    return _team(rules, workspace, team)[0]


def rep_hours(rules: HandoffRules, workspace: Workspace, team: str, rep: RepModel) -> str:
    """The key in `opening` of a rep's working hours in a team."""
    return _rep(rules, workspace, team, rep)[0]


def rep_duty(rules: HandoffRules, workspace: Workspace, team: str, rep: RepModel) -> str:
    """The key in `opening` of when a rep takes new leads: working hours but for days away."""
    return _duty(rules, workspace, team, rep)[0]


def _team(rules: HandoffRules, workspace: Workspace, team: str) -> Keyed:
    name = rules.teams[team].calendar
    return _keyed(name, calendar_of(workspace.calendars[name]))


def _rep(rules: HandoffRules, workspace: Workspace, team: str, rep: RepModel) -> Keyed:
    """Own days and hours stand in for the calendar's; its days off hold in any case."""
    name = rep.calendar or rules.teams[team].calendar
    office = workspace.calendars[name]
    if rep.days is None and rep.hours is None:
        return _keyed(name, calendar_of(office))
    own = office.model_copy(
        update={"days": rep.days or office.days, "hours": rep.hours or office.hours}
    )
    return _keyed(f"{name} of {rep.rep}", calendar_of(own))


def _duty(rules: HandoffRules, workspace: Workspace, team: str, rep: RepModel) -> Keyed:
    key, working = _rep(rules, workspace, team, rep)
    if not rep.away:
        return key, working
    here = replace(working, days_off=working.days_off | rep.days_away)
    return _keyed(f"{rep.rep} when not away", here)


def sales_calendars(
    rules: HandoffRules, workspace: Workspace
) -> tuple[dict[str, Calendar], frozenset[tuple[str, str]]]:
    """Every calendar of sales by key, and every (key, zone) of a team or rep."""
    calendars: dict[str, Calendar] = {}
    pairs: set[tuple[str, str]] = set()
    for name, team in rules.teams.items():
        found = [(*_team(rules, workspace, name), team.zone)]
        found += [
            (*hours(rules, workspace, name, rep), rep.zone or team.zone)
            for rep in team.reps
            for hours in (_rep, _duty)
        ]
        for key, calendar, zone in found + _by_name(rules, workspace, name):
            calendars[key] = calendar
            pairs.add((key, zone))
    return calendars, frozenset(pairs)


def _by_name(
    rules: HandoffRules, workspace: Workspace, name: str
) -> list[tuple[str, Calendar, str]]:
    """The same calendars under the keys the handoff room joins by: `calendar:…` and `rep:…`."""
    team = rules.teams[name]
    _, office = _team(rules, workspace, name)
    found = [(f"calendar:{team.calendar}", office, team.zone)]
    for rep in team.reps:
        zone = rep.zone or team.zone
        own = rep.hours or rep.days or rep.calendar
        key = f"rep:{rep.rep}" if own else f"calendar:{team.calendar}"
        found.append((key, _rep(rules, workspace, name, rep)[1], zone))
    return found
