"""Segments and snippets: none comes round to itself, each is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nurture.language.checks.view import File, View, steps
from nurture.language.files import snippets
from nurture.language.grammar import segments
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table, plain

Uses = dict[str, list[str]]


def _segments(file: File) -> Uses:
    """By segment of a file: the names it uses."""
    node = file.at(("segments",))
    return segments.uses(plain(node)) if isinstance(node, Table) else {}


def _snippets(file: File) -> Uses:
    """By snippet of a file: the names it uses."""
    node = file.at(("snippets",))
    entries = node.entries if isinstance(node, Table) else {}
    return {name: list(snippets.uses(entry.node)) for name, entry in entries.items()}


def _named(file: File, model: Any) -> set[str]:
    """The segments a file uses."""
    return segments.named(model)


def _used(file: File, _: Any) -> set[str]:
    """The snippets a file uses in its steps."""
    found = (step.get("use") for _, step in steps(file))
    return {name for use in found if isinstance(use, Table) for name in use.entries}


SHARED: tuple[tuple[str, Callable[[File], Uses], Callable[[File, Any], set[str]]], ...] = (
    ("segment", _segments, _named),
    ("snippet", _snippets, _used),
)
"""What is shared, what of it a file has, and what of it a file uses."""


def rings(view: View) -> Iterator[Problem]:
    """Nothing uses itself; each file says the first ring its own names are part of."""
    for what, written, _ in SHARED:
        head = [written(file) for file in view.of("workspace")]
        for file in view.files:
            own = written(file)
            found = segments.ring({**(head[0] if head else {}), **own}) if own else []
            if own.keys().isdisjoint(found):
                continue
            here = next(at for at, name in enumerate(found) if name in own)
            names = [*found[here:-1], *found[:here], found[here]]
            message = f"a ring of {what}s: {' uses '.join(names)}; take one of them out"
            yield file.problem((f"{what}s", found[here]), "ring", message, key=True)


def unused(view: View) -> Iterator[Problem]:
    """What is shared is used somewhere (a warning); nobody knows while a file cannot be read."""
    if any(file.path not in view.models for file in view.files):
        return
    for what, written, used in SHARED:
        listed = [(file, own) for file in view.files if (own := written(file))]
        everywhere = {
            file.path: used(file, view.models[file.path]) for file in view.files if listed
        }
        for file, own in listed:
            known = set().union(*everywhere.values()).union(*own.values())
            if file.kind != "workspace":
                known = everywhere[file.path].union(*own.values())
            for name in own.keys() - known:
                message = f'nothing uses the {what} "{name}"'
                yield file.problem(
                    (f"{what}s", name), "unused", message, key=True, severity="warning"
                )


CHECKS = (rings, unused)
