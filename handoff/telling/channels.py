"""By which channel a notice goes, and when that may be disturbed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nurture.calendar.openings import openings
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL
from nurture.language.files.hours import outside_quiet_hours

BY_TEAM = ("offered", "given", "reminder", "recycled")
"""Notices that go by the channels of their team; a manager is written to."""
TOLD = "tell:"
"""What the action of a rung begins with that names a channel."""
AHEAD = timedelta(days=8)


def route(
    definitions: Definitions, *, team: str, template: str, action: str, tried: Collection[str]
) -> str:
    """The channel a notice goes by next: the first that is wanted, is there, and has not failed it.

    `action` is that of the rung it comes from, '' for none.  In the end it is mail.
    """
    rules, known = definitions.handoff, definitions.workspace.channels
    wanted: tuple[str, ...] = ()
    if action.startswith(TOLD):
        wanted = (action.removeprefix(TOLD),)
    elif template in BY_TEAM and rules and team in rules.teams:
        wanted = rules.teams[team].channels
    for channel in wanted:
        if channel == EMAIL:
            break
        if channel in known and channel not in tried:
            return channel
    return EMAIL


def may_go(definitions: Definitions, channel: str, *, now: datetime) -> datetime:
    """The first instant from `now` on at which the channel has no quiet hours."""
    model = definitions.workspace.channels.get(channel)
    if model is None or model.quiet_hours is None:
        return now
    zone = ZoneInfo(model.zone or definitions.workspace.zone)
    found = openings(outside_quiet_hours(model.quiet_hours), zone, now, now + AHEAD)
    return max(now, found[0].opens_at) if found else now
