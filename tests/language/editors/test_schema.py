"""The JSON Schemas for editors: complete, explained, and of one mind with `nurture validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nurture.language.editors.hover import HOVER
from nurture.language.editors.schema import FILES, HEADS, schema_of
from nurture.language.text.source import parse
from nurture.language.text.tree import plain
from tests.docs.test_docs import models
from tests.language.conftest import PLAIN, STARTER
from tests.language.test_validate import PLANTS
from tests.properties.sequences import FLOW, ORDERS, SLOW
from tests.sequences.texts import HANDOFF, SCORING, WORKSPACE

MARKED = ("unknown-key", "unknown-step", "missing-key")
"""Rules about form alone, which an editor can know."""


def faults(kind: Any, text: str) -> list[str]:
    node, _ = parse(text)
    assert node is not None
    found = Draft202012Validator(schema_of(kind)).iter_errors(plain(node))
    return [f"{list(error.absolute_path)}: {error.message}" for error in found]


def kind_of(path: str) -> Any:
    return next(kind for kind, files in FILES.items() if Path(path).match(files))


@pytest.mark.parametrize("kind", FILES)
def test_a_schema_is_one(kind: Any) -> None:
    Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize(
    "path",
    [path for files in FILES.values() for path in sorted(STARTER.glob(files))],
    ids=lambda path: path.name,
)
def test_the_starter_fits_its_schema(path: Path) -> None:
    kind = kind_of(str(path.relative_to(STARTER)))
    assert faults(kind, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sequence", FLOW), ("sequence", SLOW), ("sequence", ORDERS), ("workspace", WORKSPACE),
        ("scoring", SCORING), ("handoff", HANDOFF),
    ],
)  # fmt: skip
def test_what_can_be_applied_fits(kind: Any, text: str) -> None:
    assert faults(kind, text) == []


@pytest.mark.parametrize(
    "plants",
    [
        pytest.param(fault["plant"], id=f"{number} {fault['rule']}")
        for number, fault in enumerate(PLANTS)
        if fault["rule"] in MARKED
        and all("old" in each and each["file"].endswith(".yaml") for each in fault["plant"])
    ],
)
def test_a_planted_fault_of_form_is_marked(plants: list[dict[str, str]]) -> None:
    marked = []
    for plant in plants:
        text = (PLAIN / plant["file"]).read_text(encoding="utf-8")
        assert plant["old"] in text
        changed = text.replace(plant["old"], plant["new"], 1)
        marked += faults(kind_of(plant["file"]), changed)
    assert marked


def test_every_key_has_a_tip_and_no_tip_is_for_a_key_there_is_not() -> None:
    known = {
        (model.__name__, info.alias or name)
        for head in HEADS.values()
        for model in models(head)
        for name, info in model.model_fields.items()
    }
    told = {(model, key) for model, tips in HOVER.items() for key in tips}
    assert known - told == set()
    assert {(model, key) for model, key in told - known if model != "StoryLead"} == set()
