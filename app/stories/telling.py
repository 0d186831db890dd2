"""A story that failed, in lines: what went wrong first, where that is written, what came before."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from app.stories.running import Result
from insight.stories import Difference
from nurture.language.files.expecting import instant
from nurture.language.text.rewriting import flow


def told(result: Result) -> list[str]:
    """Everything that went wrong, the first thing first, then the lead's timeline up to it."""
    place = ZoneInfo(result.played.zone)
    lines = [f"{what} ({where})" for what, where in wrongs(result)]
    lines += ["", f"The lead until then, times in {result.played.zone}:"]
    for line in result.played.lines:
        why = f" ({line.reason})" if line.reason else ""
        lines.append(f"{instant(line.at.astimezone(place))} {line.what}: {line.text}{why}")
    return lines


def wrongs(result: Result) -> list[tuple[str, str]]:
    """What went wrong and where it is written: expectations not met in order, then the deed that
    could not be done."""
    case, found = result.case, []
    for failed in result.played.failed:
        for each in failed.differences:
            loc = case.loc(failed.number, each.key)
            found.append((difference(each), case.place(loc)))
    if result.played.trouble:
        found.append((result.played.trouble, case.place(case.loc(result.played.trouble_at))))
    return found


def difference(each: Difference) -> str:
    """`expected rep: bo, got rep: mareike`."""
    return f"expected {each.key}: {flow(each.expected)}, got {flow(each.got)}"
