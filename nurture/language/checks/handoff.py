"""Routes and ladders that leave a lead with nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nurture.language.checks.view import View, items, tables, texts
from nurture.language.files.ladders import ACTIONS, KINDS
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table

WHO = ("team", "rep")

def routes(view: View) -> Iterator[Problem]:
    """A route is `when` with `team` or `rep`; the last one is `otherwise`, and only the last."""
    for file in view.of("handoff"):
        found = list(tables(file, ("routing",)))
        for index, (loc, route) in enumerate(found):
            last = index == len(found) - 1
            keys = set(route.entries) & {"when", "team", "rep", "otherwise"}
            if keys not in ({"when", "team"}, {"when", "rep"}, {*WHO, "when"}, {"otherwise"}):
                message = 'a route is "when" with "team" or "rep", or last "otherwise" with a team'
                yield file.problem(loc, "route-form", message)
            elif "otherwise" in keys and not last:
                message = 'every route behind "otherwise" is never reached; move it to the end'
                yield file.problem(loc, "route-form", message)
        if file.at(("routing",)) is not None and (
            not found or "otherwise" not in found[-1][1].entries
        ):
            message = "leads that no route fits would go to nobody; end with {otherwise: a team}"
            yield file.problem(
                found[-1][0] if found else ("routing",),
                "routing-without-otherwise",
                message,
                allowed=view.keys("handoff", "teams"),
            )


def rungs(view: View) -> Iterator[Problem]:
    """A rung has one instant (`at` or `after`) and one action."""
    for file in view.of("handoff"):
        ladders = file.at(("ladders",))
        if not isinstance(ladders, Table):
            continue
        for name in ladders.entries:
            if items(file.at(("ladders", name))) == []:
                message = "a ladder without rungs: nothing happens when its clocks run out"
                yield file.problem(("ladders", name), "empty", message, severity="warning")
            for loc, rung in tables(file, ("ladders", name)):
                instants = [key for key in ("at", "after") if key in rung.entries]
                actions = [key for key in ACTIONS if key in rung.entries]
                strange = rung.entries.keys() - {*ACTIONS, "at", "after", "repeat"}
                if len(instants) != 1:
                    message = 'a rung has one instant, "at: 50%" or "after: 2 hours"; here '
                    message += _count(instants)
                    yield file.problem(loc, "rung-form", message)
                if len(actions) > 1 or not (actions or strange):
                    message = f"a rung does one thing; here {_count(actions)}"
                    yield file.problem(loc, "rung-form", message, allowed=ACTIONS)
                if "repeat" in rung.entries and not {"remind", "tell"} & set(actions):
                    message = "only what reminds or tells is repeated; this ends what it is about"
                    yield file.problem((*loc, "repeat"), "rung-form", message)


def restarts(view: View) -> Iterator[Problem]:
    """What another rep begins anew is a clock the policy has."""
    for file in view.of("handoff"):
        for loc, sla in tables(file, ("sla",)):
            had = [kind for kind in KINDS if kind in sla.entries]
            for place, kind in texts(sla.get("restart"), (*loc, "restart")):
                if kind in KINDS and kind not in had:
                    message = f"{loc[-1]} has no clock {kind} that could be begun anew"
                    yield file.problem(place, "unknown-clock", message, allowed=had)


def _count(found: Sequence[str]) -> str:
    return f"are {' and '.join(found)}" if found else "is none"


CHECKS = (routes, rungs, restarts)
