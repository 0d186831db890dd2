"""Conditions and events as fields of models: read with the names of pydantic's context."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from nurture.language.grammar.conditions import Condition, EventTest, Test
from nurture.language.grammar.models import Name
from nurture.language.grammar.parsing import parse_condition, parse_event, parse_kind, parse_where
from nurture.language.grammar.vocabulary import LENIENT, Known


def _known(info: ValidationInfo) -> Known:
    return info.context if isinstance(info.context, Known) else LENIENT


def _read_condition(value: Any, info: ValidationInfo) -> Condition:
    return parse_condition(value, _known(info))


def read_event(value: Any, info: ValidationInfo) -> EventTest:
    """An event and its `where` alone."""
    return parse_event(value, _known(info))


def _read_kind(value: Any, info: ValidationInfo) -> str:
    return parse_kind(value, _known(info))


def _read_where(value: Any, info: ValidationInfo) -> tuple[tuple[str, Test], ...]:
    return parse_where(value, _known(info))


ConditionField = Annotated[
    Condition, PlainValidator(_read_condition), WithJsonSchema({"x-part": "condition"})
]
Segments = dict[Name, ConditionField]
"""Conditions by name."""

EventField = Annotated[EventTest, PlainValidator(read_event), WithJsonSchema({"x-part": "event"})]
WhereField = Annotated[
    tuple[tuple[str, Test], ...], PlainValidator(_read_where), WithJsonSchema({"x-part": "where"})
]
KindField = Annotated[str, PlainValidator(_read_kind)]
