"""Ways that come round to themselves: sequences that start each other, steps gone to again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nurture.language.checks.view import File, View, arms, items, steps, tables, text
from nurture.language.files.snippets import scope, sees
from nurture.language.text.faults import Loc
from nurture.language.text.places import below
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Node, Table

Edge = tuple[str, File, Loc]
Ways = dict[Loc, list[Loc]]
"""By place of a step: the places of the steps that may follow it."""


def cycles(view: View) -> Iterator[Problem]:
    """No lead is moved round and round: each ring of `start` is named once."""
    edges: dict[str, list[Edge]] = {}
    for file in view.of("sequence"):
        for loc, step in steps(file):
            target = text(step.get("start"))
            if target is not None:
                edges.setdefault(file.name, []).append((target, file, (*loc, "start")))
    seen: set[frozenset[str]] = set()
    for name in sorted(edges):
        ring = _ring(name, edges)
        if ring and frozenset(ring) not in seen:
            seen.add(frozenset(ring))
            target = ring[1]
            _, file, loc = next(edge for edge in edges[name] if edge[0] == target)
            message = f"a ring: {' starts '.join(ring)}; leads would go round for ever"
            yield file.problem(loc, "start-cycle", message)


def _ring(name: str, edges: dict[str, list[Edge]]) -> list[str]:
    """The shortest way from a sequence back to itself, [] if there is none."""
    ways = [[name]]
    visited: set[str] = set()
    while ways:
        way = ways.pop(0)
        for target, _, _ in edges.get(way[-1], ()):
            if target == name:
                return [*way, name]
            if target not in visited:
                visited.add(target)
                ways.append([*way, target])
    return []


def itself(view: View) -> Iterator[Problem]:
    """A sequence ends with `end`; `stop` is for another one."""
    for file in view.of("sequence"):
        for loc, step in steps(file):
            if text(step.get("stop")) == file.name:
                message = 'a sequence does not stop itself; write "end: true" to end here'
                yield file.problem((*loc, "stop"), "stops-itself", message)


def hurries(view: View) -> Iterator[Problem]:
    """Whoever is sent back by a `goto` has to wait somewhere before it comes there again."""
    for file in view.of("sequence"):
        listed = dict(steps(file))
        ways = ways_of(file, listed)
        for loc, step in listed.items():
            target = _target(loc, step, listed)
            if target is not None and _comes_round(target, loc, ways, listed):
                message = "goes round without a wait; put a wait on the way back to it"
                yield file.problem((*loc, "goto"), "goto-without-wait", message)


def _target(loc: Loc, step: Table, listed: Mapping[Loc, Table]) -> Loc | None:
    """The place of the step a `goto` names."""
    name = text(step.get("goto")) or text(below(step, ("goto", "step")))
    found = [at for at, other in listed.items() if name and text(other.get("id")) == name]
    seen = [at for at in found if sees(loc, at)]
    return max(seen, key=lambda at: len(scope(at)), default=None)


def _comes_round(start: Loc, end: Loc, ways: Ways, listed: Mapping[Loc, Table]) -> bool:
    """A lead at `start` may get to `end` without having to wait."""
    seen: set[Loc] = set()
    waiting = [start]
    while waiting:
        loc = waiting.pop()
        if loc == end:
            return True
        if loc not in seen and not listed[loc].entries.keys() & {"wait", "wait_for"}:
            waiting += ways[loc]
        seen.add(loc)
    return False


def ways_of(file: File, listed: Mapping[Loc, Table]) -> Ways:
    """What may follow each step of a sequence."""
    ways: Ways = {}
    after: list[Loc] = []
    for loc, stage in reversed(list(tables(file, ("stages",)))):
        after = _follow(stage.get("steps"), (*loc, "steps"), after, listed, ways)
        place: Loc = (*loc, "gate", "otherwise")
        after = after + _follow(file.at(place), place, after, listed, ways)
    return ways


def _follow(
    block: Node | None, loc: Loc, after: list[Loc], listed: Mapping[Loc, Table], ways: Ways
) -> list[Loc]:
    """Note what follows each step of a block that goes on to `after`; returns where it begins."""
    for index, step in reversed(list(enumerate(items(block)))):
        if isinstance(step, Table):
            place = (*loc, index)
            written = [(at, node) for at, node in arms(step, place) if node is not None]
            ways[place] = [
                way for at, node in written for way in _follow(node, at, after, listed, ways)
            ]
            target = _target(place, step, listed)
            ways[place] += [target] if target is not None else []
            if not (_ends(step) or (written and _all_ways(step, written))):
                ways[place] += after
            after = [place]
    return after


def _ends(step: Table) -> bool:
    return bool(step.entries.keys() & {"start", "end"})


def _all_ways(step: Table, written: list[tuple[Loc, Node]]) -> bool:
    """Every lead goes down one of the arms."""
    if "use" in step.entries:
        return True
    if "split" in step.entries:
        return below(step, ("split", "hold_out")) is None
    return any(at[-1] == "otherwise" for at, _ in written)


CHECKS = (cycles, itself, hurries)
