"""Sequences that start each other in a ring."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.view import File, View, steps, text
from nurture.language.faults import Loc
from nurture.language.problems import Problem

Edge = tuple[str, File, Loc]


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


CHECKS = (cycles,)
