"""A workspace that uses every word of the language, and what breaks it at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nurture.language.checks.validate import MODELS, validate
from nurture.language.editors.hover import HOVER
from nurture.language.grammar.models import Model
from nurture.language.reading.folder import load_workspace
from nurture.language.reading.one_file import read_tree, tree_of
from tests.language.mutations import WIDE, look_at

FEW = 40
"""Broken workspaces the suite looks at; `make mutations` looks at ten thousand."""
CHECKED_ELSEWHERE = {"StoryLead", "Deed", "Expect", "AnswerModel", "UpdateModel"}
"""Models of stories: the tests of stories use each of their keys."""


def said(value: Any) -> Iterator[tuple[str, str]]:
    """(model, key as it is written) of everything that is said in a model."""
    if isinstance(value, Model):
        fields = type(value).model_fields
        for name in value.model_fields_set & fields.keys():
            yield type(value).__name__, fields[name].alias or name
            yield from said(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from said(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from said(each)


def test_it_is_well_and_uses_every_key_there_is() -> None:
    checked = validate(WIDE)
    assert [str(problem) for problem in checked.problems] == []
    used: set[tuple[str, str]] = set()
    for file in load_workspace(WIDE):
        if file.kind in MODELS:
            tree, faults = tree_of(file.data)
            kind = MODELS[file.kind]
            reading = read_tree(kind, file.path, tree, faults, checked.known, name=file.stem)
            used |= set(said(reading.model))
    known = {
        (model, key)
        for model, keys in HOVER.items()
        if model not in CHECKED_ELSEWHERE
        for key in keys
    }
    assert sorted(known - used) == []


def test_broken_at_random_it_answers_with_problems_that_have_a_place() -> None:
    seen = {look_at(number) for number in range(FEW)}
    assert seen == {"refused", "accepted"}, "some are broken, and some changes do no harm"
