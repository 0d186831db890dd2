"""Another instant than the clock's, as one types it: `--now INSTANT`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import typer

LATEST = timedelta(days=3660)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def clock_at(text: str) -> Callable[[], datetime] | None:
    """A clock that stands at the instant that was typed; none, so the ledger's, for ''.

    Wrong usage unless it is an instant, with a zone, and bearable.
    """
    from app.clocks import wall_clock

    if not text:
        return None
    at = _instant(text.strip(), wall_clock())
    return lambda: at


def _instant(text: str, wall: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{text!r} is no instant; write 2026-03-02T09:00+01:00") from None
    if at.tzinfo is None:
        typed = at.isoformat(timespec="minutes")
        raise _wrong(f"{text!r} has no zone; write {typed}Z for UTC, or {typed}+01:00")
    try:
        at = at.astimezone(UTC)
        bearable = EARLIEST <= at <= wall + LATEST
    except OverflowError:
        bearable = False
    if not bearable:
        raise _wrong(f"{text!r} is before 2000 or more than ten years ahead")
    return at


def instant_in(text: str, zone: str, *, option: str = "--until") -> datetime:
    """What was typed as the value of `option`, read in a zone unless it has one; a day is its
    beginning."""
    from nurture.calendar.zones import local_instant
    from nurture.calendar.zones import zone as zone_of

    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        return local_instant(at.date(), at.hour * 60 + at.minute, zone_of(zone))
    except (ValueError, OverflowError):
        said = f"{text!r} is no instant; write 2026-03-09, or 2026-03-09T09:00"
        raise typer.BadParameter(said, param_hint=option) from None


def length_in(text: str, *, option: str = "--for") -> timedelta:
    """What was typed as the value of `option`: `4h`, `30min`, `2d`, or as YAML says it."""
    from nurture.language.grammar.durations import parse_elapsed

    units = {"min": "minutes", "h": "hours", "d": "days"}
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text.strip().removeprefix(number)
    try:
        return parse_elapsed(f"{number} {units[unit]}" if unit in units else text)
    except ValueError:
        said = f"{text!r} is no length of time; write 4h, 30min or 2d"
        raise typer.BadParameter(said, param_hint=option) from None


def _wrong(said: str) -> typer.BadParameter:
    return typer.BadParameter(said, param_hint="--now")
