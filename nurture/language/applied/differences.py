"""What an edit means: two texts of a definition compared by what they say, not by their lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from nurture.language.compiled.graph import Node, graph_of
from nurture.language.compiled.matching import matched
from nurture.language.compiled.program import Program
from nurture.language.reading.folder import Kind
from nurture.language.text.source import parse
from nurture.language.text.templates import take_apart
from nurture.language.text.tree import plain

STEPS = ("stages", "snippets", "tests")
"""Parts of a sequence that are compared step by step, or are no part of it."""


@dataclass(frozen=True)
class Difference:
    """One thing an edit adds (`+`), takes out (`-`), changes (`~`) or puts elsewhere (`>`).

    `place` is where it stands now, of what is taken out where it stood; `before` and `after` are
    said in words, '' where there is nothing.
    """

    sign: Literal["+", "-", "~", ">"]
    place: str
    before: str = ""
    after: str = ""


def differences(kind: Kind, before: str, after: str) -> list[Difference]:
    """Between two sources of a definition; of a sequence all but its steps (`step_differences`)."""
    if kind == "template":
        return list(_mail(before, after))
    old, new = _tree(before), _tree(after)
    if kind == "sequence":
        old, new = ({k: v for k, v in each.items() if k not in STEPS} for each in (old, new))
    return list(_between(old, new, ""))


def step_differences(before: Program, after: Program) -> list[Difference]:
    """Between the steps of two versions; which is which `matched` says."""
    old, new = _steps(before), _steps(after)
    pairs = matched(before, after)
    was = {pairs[key]: step for key, step in old.items() if key in pairs}
    kept = [pairs[key] for key in old if pairs.get(key) in new]
    still = {*_longest(kept, [key for key in new if key in was])}
    found = [Difference("-", *old[key]) for key in old if key not in pairs]
    for key, (path, said) in new.items():
        if key not in was:
            found.append(Difference("+", path, after=said))
        elif was[key][1] != said:
            found.append(Difference("~", path, was[key][1], said))
        elif key not in still:
            found.append(Difference(">", path, was[key][0], said))
    return found


def _steps(program: Program) -> dict[str, tuple[str, str]]:
    """By key: where a step stands, and what it does with what its ways ask."""
    graph = graph_of(program)
    asked: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        label = edge.label.removesuffix("otherwise").removesuffix(" or ")
        asked[edge.source] += [label] if label else []
    return {
        node.key: (node.path, _said(node, asked[node.id]))
        for node in graph.nodes
        if node.key and node.stage
    }


def _said(node: Node, asked: list[str]) -> str:
    details = asked if node.kind == "branch" else [node.detail, *asked]
    told = "; ".join(detail for detail in details if detail)
    return f"{node.text} ({told})" if told else node.text


def _longest(one: list[str], other: list[str]) -> list[str]:
    """The keys that stand in the same order in both."""
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    return [key for block in matcher.get_matching_blocks() for key in one[block.a :][: block.size]]


def _tree(source: str) -> dict[str, Any]:
    node, _ = parse(source)
    found = plain(node) if node is not None else {}
    return found if isinstance(found, dict) else {}


def _between(before: Any, after: Any, place: str) -> Iterator[Difference]:
    """The smallest places at which two trees differ."""
    if before == after:
        return
    if isinstance(before, list) and isinstance(after, list):
        before, after = _named(before, after)
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield Difference("~", place, _value(before), _value(after))
        return
    for key in [*before, *(key for key in after if key not in before)]:
        inside = f"{place}/{key}" if place else str(key)
        if key not in after:
            yield Difference("-", inside, _value(before[key]))
        elif key not in before:
            yield Difference("+", inside, after=_value(after[key]))
        else:
            yield from _between(before[key], after[key], inside)


def _named(before: list[Any], after: list[Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Entries by what tells them apart: the name they begin with, themselves, else their number."""
    names = [[_name(entry) for entry in entries] for entries in (before, after)]
    if all(None not in each and len(set(each)) == len(each) for each in names):
        return dict(zip(names[0], before, strict=True)), dict(zip(names[1], after, strict=True))
    return dict(enumerate(before, start=1)), dict(enumerate(after, start=1))


def _name(entry: Any) -> Any:
    """A scalar itself, a mapping's first value when that is one (`rep: bo`)."""
    first = next(iter(entry.values()), None) if isinstance(entry, Mapping) else entry
    return first if isinstance(first, str | int | float | bool) else None


def _value(value: Any) -> str:
    """A value in the form it is written on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _mail(before: str, after: str) -> Iterator[Difference]:
    old, new = take_apart(before)[0], take_apart(after)[0]
    yield from _between(plain(old.front), plain(new.front), "")
    lines = [page.body.splitlines() for page in (old, new)]
    added = taken = 0
    for _, low, high, first, last in SequenceMatcher(a=lines[0], b=lines[1]).get_opcodes():
        if lines[0][low:high] != lines[1][first:last]:
            taken, added = taken + high - low, added + last - first
    if added or taken:
        yield Difference("~", "body", _lines(taken), _lines(added))


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"
