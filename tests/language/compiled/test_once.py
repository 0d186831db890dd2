"""What is built once: for which arguments, and how long it is kept."""

from __future__ import annotations

from dataclasses import replace

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from tests.conditions.people import definitions

BUILT: list[str] = []


@once
def _greeting(_: Definitions, name: str) -> list[str]:
    BUILT.append(name)
    return [name]


@once
def _parting(_: Definitions, name: str) -> list[str]:
    return ["bye", name]


def test_the_same_arguments_give_the_very_same_thing() -> None:
    own = definitions()
    BUILT.clear()
    assert _greeting(own, "ann") is _greeting(own, "ann")
    assert _greeting(own, "bob") == ["bob"]
    assert BUILT == ["ann", "bob"]
    assert _parting(own, "ann") == ["bye", "ann"]


def test_definitions_however_alike_do_not_share() -> None:
    own, other = definitions(), definitions()
    assert own == other
    assert _greeting(own, "ann") is not _greeting(other, "ann")
    assert _greeting(replace(own), "ann") is not _greeting(own, "ann")
