"""Conditions with a name: `segments:` of nurture.yaml, used wherever a condition stands.

A sequence, scoring.yaml and handoff.yaml may have some of their own, which go before those of
nurture.yaml, also inside them.  What is applied of such a file holds all it uses, so that a
version goes on meaning what it meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from nurture.language.grammar.conditions import AllOf, AnyOf, Condition, Not
from nurture.language.grammar.models import Model
from nurture.language.grammar.parsing import UNREAD, parse_condition
from nurture.language.grammar.vocabulary import Known


def with_segments(known: Known, written: Any) -> Known:
    """`known` with the segments written here.

    One that cannot be read, or that comes round to itself, is UNREAD: what is wrong with it is said
    where it is written, and keeps it from being applied.
    """
    if not isinstance(written, dict) or not written:
        return known
    written = {**known.written, **written}
    segments: dict[str, Condition] = dict.fromkeys(written, UNREAD)
    known = replace(known, written=written, segments=segments)
    graph = uses(written)
    for name in () if ring(graph) else TopologicalSorter(graph).static_order():
        try:
            segments[name] = AllOf((parse_condition(written[name], known),), name)
        except ValidationError:
            continue
    return known


def ring(uses: Mapping[str, Iterable[str]]) -> list[str]:
    """Names of which each uses the next, the last the first again; [] if there are none."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


def uses(written: Mapping[str, Any]) -> dict[str, list[str]]:
    """By segment: the others it names."""
    return {
        name: [other for other in _names(value) if other in written]
        for name, value in written.items()
    }


def _names(value: Any) -> Iterator[str]:
    """The names that stand for conditions in one as it is written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in ("all", "any", "not", "segment"):
            inner = value.get(key)
            for part in inner if isinstance(inner, list) else [inner]:
                yield from _names(part)


def named(part: Any) -> set[str]:
    """The names of all segments used in a model or a condition, also by other segments."""
    found: set[str] = set()
    waiting, seen = [part], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, Model):
            waiting += part.__dict__.values()
        elif isinstance(part, tuple | list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, AllOf | AnyOf) and id(part) not in seen:
            seen.add(id(part))
            waiting += part.parts
            found |= {part.name} if isinstance(part, AllOf) and part.name else set()
        elif isinstance(part, Not):
            waiting.append(part.part)
    return found
