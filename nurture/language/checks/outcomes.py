"""What follows from outcomes: something does, it can, and every entry is reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nurture.language.checks.view import File, View, tables, text, texts
from nurture.language.files.handoff import Recycle
from nurture.language.files.outcomes import EFFECTS, Effect
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table

DEEDS = ("start", "stop", "suppress", "nothing")
Entries = list[tuple[Loc, Table]]


def entries(view: View) -> Iterator[tuple[File, str, Entries]]:
    """The entries of each outcome that is one, in order."""
    for file in view.of("handoff"):
        for outcome in EFFECTS:
            found = list(tables(file, ("outcomes", outcome)))
            if found:
                yield file, outcome, found


def forms(view: View) -> Iterator[Problem]:
    """An entry does something, and only what its outcome allows."""
    for file, outcome, found in entries(view):
        for loc, entry in found:
            if not entry.entries.keys() & {*DEEDS}:
                message = "nothing is said to follow; say nothing: true where nothing should"
                yield file.problem(loc, "outcome-form", message, allowed=DEEDS)
            for key, message in _strange(entry, outcome, EFFECTS[outcome]):
                yield file.problem((*loc, key), "outcome-form", message, key=True)


def _strange(entry: Table, outcome: str, effect: Effect) -> Iterator[tuple[str, str]]:
    """Keys that do not fit together, or not to the outcome, each with why."""
    keys = entry.entries.keys()
    for key in ("suppress", "nothing"):
        if getattr(entry.get(key), "value", None) is False:
            yield key, f'"{key}" is true, or left out'
    if "nothing" in keys and keys & {"start", "stop", "suppress"}:
        yield "nothing", "nothing follows, or something does; here are both"
    if "after" in keys and "start" not in keys:
        yield "after", '"after" says when a sequence starts; here is none'
    if "after" in keys and not effect.ends:
        yield "after", f"the lead is with sales still after {outcome}: start it at once"
    if "reason" in keys and not effect.reason:
        yield "reason", f"nobody is asked for a reason with {outcome}"
    if "suppress" in keys and not effect.back:
        yield "suppress", f"it goes with lost, rejected and recycled, not with {outcome}"
    if "suppress" in keys and "start" in keys:
        yield "start", "no mail goes to the lead any more: the sequence would send none"


def reasons(view: View) -> Iterator[Problem]:
    """Reasons that decide are among those suggested: else hardly anybody would write them."""
    for file, _, found in entries(view):
        known = _suggested(file)
        spelled = {each.casefold() for each in known}
        for loc, entry in found:
            for place, said in texts(entry.get("reason"), (*loc, "reason")):
                if said.casefold() not in spelled:
                    message = f'recycle.reasons has no reason "{said}"'
                    yield file.problem(
                        place, "unknown-reason", message, found=said, allowed=known
                    )


def _suggested(file: File) -> Sequence[str]:
    place: Loc = ("recycle", "reasons")
    own = [said for _, said in texts(file.at(place), place)]
    return own or Recycle().reasons


def reach(view: View) -> Iterator[Problem]:
    """No entry stands behind one for any reason, or behind others for all of its own."""
    for file, _, found in entries(view):
        taken: set[str] = set()
        rest = False
        for loc, entry in found:
            place: Loc = (*loc, "reason")
            own = {said.casefold() for _, said in texts(entry.get("reason"), place)}
            if rest or (own and own <= taken):
                message = "never reached: an entry before it holds for all it is about"
                yield file.problem(loc, "unreachable-entry", message)
            rest = rest or "reason" not in entry.entries
            taken |= own


def waits(view: View) -> Iterator[Problem]:
    """What is to start later does not let recycled leads in by itself, at once."""
    place: Loc = ("enter", "segment", "lifecycle")
    at_once = {
        file.name
        for file in view.of("sequence")
        if "recycled" in {said for _, said in texts(file.at(place), place)}
    }
    for file, outcome, found in entries(view):
        for loc, entry in found:
            name = text(entry.get("start"))
            if EFFECTS[outcome].back and "after" in entry.entries and name in at_once:
                message = f'"{name}" lets recycled leads in at once; give it '
                message += '"enter: {by: command}"'
                yield file.problem(
                    (*loc, "after"), "outcome-too-soon", message, key=True, severity="warning"
                )


CHECKS = (forms, reasons, reach, waits)
