"""Segments that come round to themselves, and those nothing uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nurture.language.checks.view import File, View
from nurture.language.problems import Problem
from nurture.language.segments import named, ring, uses
from nurture.language.tree import Table, plain

PLACE = ("segments",)


def rings(view: View) -> Iterator[Problem]:
    """No segment asks for itself; each file says the first ring its own are part of."""
    heads = [_written(file) for file in view.of("workspace")]
    for file in view.files:
        own = _written(file)
        found = ring({**(heads[0] if heads else {}), **own}) if own else []
        if not own.keys().isdisjoint(found):
            here = next(at for at, name in enumerate(found) if name in own)
            round_ = [*found[here:-1], *found[:here], found[here]]
            message = f"a ring: {' uses '.join(round_)}; nobody could say who is in them"
            yield file.problem((*PLACE, found[here]), "ring", message, key=True)


def _written(file: File) -> dict[str, Any]:
    node = file.at(PLACE)
    return plain(node) if isinstance(node, Table) else {}


def unused(view: View) -> Iterator[Problem]:
    """A segment is used somewhere (a warning); nobody knows while a file cannot be read."""
    listed = [(file, own) for file in view.files if (own := _written(file))]
    if not listed or any(file.path not in view.models for file in view.files):
        return
    everywhere = set().union(*map(named, view.models.values()))
    for file, own in listed:
        used = everywhere if file.kind == "workspace" else named(view.models[file.path])
        for name in own.keys() - used.union(*uses(own).values()):
            message = f'nothing uses the segment "{name}"'
            yield file.problem((*PLACE, name), "unused", message, key=True, severity="warning")


CHECKS = (rings, unused)
