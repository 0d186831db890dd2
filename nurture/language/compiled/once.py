"""Statements that depend on the definitions alone, built once for a set of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

from nurture.language.compiled.definitions import Definitions

Built = TypeVar("Built")
Parts = TypeVarTuple("Parts")


def once(
    build: Callable[[Definitions, *Parts], Built]
) -> Callable[[Definitions, *Parts], Built]:
    """The same function, called once for each (definitions, parts): what it returned is returned
    again as long as these very definitions are in use, and goes when they go.

    For functions that build statements: `parts` (a rule, a program, a step) are compared by value,
    and what differs from tick to tick is a parameter (`statements.asking`).
    """

    @wraps(build)
    def built(definitions: Definitions, *parts: *Parts) -> Built:
        kept = definitions.statements
        key = (build, *parts)
        if key not in kept:
            kept[key] = build(definitions, *parts)
        found: Built = kept[key]
        return found

    return built
