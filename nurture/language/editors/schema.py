"""JSON Schema of the YAML files, for editors: completion, tips, and the plainest mistakes marked.

Made from the models that read the files, so no key can be missing.  It knows forms, not names: that
a template or team exists is for `nurture validate` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nurture.language.editors.hover import HOVER
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.scoring import Scoring
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.story import STATUS
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.models import Model
from nurture.language.grammar.vocabulary import (
    EVENTS,
    HANDOFF_STATES,
    LEAD_FIELDS,
    LIFECYCLES,
    OPERATORS,
)
from nurture.language.reading.folder import Kind

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
HEADS: dict[Kind, type[Model]] = {
    "workspace": Workspace,
    "scoring": Scoring,
    "handoff": HandoffRules,
    "sequence": SequenceModel,
}
FILES: dict[Kind, str] = {
    "workspace": "nurture.yaml",
    "scoring": "scoring.yaml",
    "handoff": "handoff.yaml",
    "sequence": "sequences/*.yaml",
}
"""The files each schema is for, from the workspace's folder."""
_TEXT: Schema = {"type": "string"}
_VALUE: Schema = {"type": ["string", "number", "boolean"]}
_SHORT: dict[str, list[Schema]] = {
    "SendModel": [_TEXT],
    "ScoreModel": [{"type": "number"}],
    "HandOffModel": [_TEXT, {"const": True}],
    "GotoModel": [_TEXT],
    "WebhookModel": [_TEXT],
    "NotifyModel": [_TEXT],
    "ClockModel": [_TEXT],
    "Repeat": [_TEXT],
    "AnswerModel": STATUS["anyOf"],
}
"""Models that can be written as a scalar too."""
_LOOSE = tuple(
    f"Expect.{key}"
    for key in ("sent", "not_sent", "notices", "calls", "rungs", "sequences", "tags")
)
"""What may be written in several forms that only `nurture validate` tells apart."""


def schema_of(kind: Kind) -> Schema:
    """The schema of one kind of file, whole."""
    made = HEADS[kind].model_json_schema(by_alias=True)
    parts = made.pop("$defs", {})
    names = {HEADS[kind].__name__: made, **parts}
    for name, part in names.items():
        _describe(name, part)
    defs = {name: _tidy(_with_short(name, part)) for name, part in parts.items()}
    title = f"{FILES[kind]} of a nurture workspace"
    return {"$schema": DRAFT, **_tidy(made), "title": title, "$defs": {**defs, **_conditions()}}


def _describe(name: str, part: Schema) -> None:
    tips = HOVER.get(name, {})
    for key, entry in part.get("properties", {}).items():
        if key in tips:
            entry["description"] = tips[key]
        if f"{name}.{key}" in _LOOSE:
            entry.pop("anyOf", None)


def _with_short(name: str, part: Schema) -> Schema:
    return {"anyOf": [*_SHORT[name], part]} if name in _SHORT else part


def _tidy(part: Any) -> Any:
    """Without nothing as a value, which the language does not know, and without titles."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "x-part" in part:
        return {"$ref": f"#/$defs/{part['x-part']}"}
    kept = {key: _tidy(item) for key, item in part.items() if key not in ("default", "title")}
    if "properties" in part:  # whose keys are words of the language, `default` one of them
        kept["properties"] = {key: _tidy(item) for key, item in part["properties"].items()}
    ways = [way for way in kept.get("anyOf", ()) if way != {"type": "null"}]
    if len(ways) == 1:
        kept.pop("anyOf")
        return {**ways[0], **kept}
    return kept | {"anyOf": ways} if ways else kept


def _conditions() -> Schema:
    """Conditions, tests and events: read by hand, so described by hand."""
    here = {"$ref": "#/$defs/condition"}
    test: Schema = {"$ref": "#/$defs/test"}
    group: Schema = {"anyOf": [{"type": "array", "items": here}, here]}
    names: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
    own = {
        "all": group | {"description": "All of these hold."},
        "any": group | {"description": "At least one of these holds."},
        "not": group | {"description": "It, or any of a list, does not hold."},
        "score": test | {"description": "Behaviour and fit at this instant."},
        "behaviour": test | {"description": "Points for what the lead did."},
        "fit": test | {"description": "Points for who the lead is."},
        "grade": names | {"description": "Its fit has any of these grades of scoring.yaml."},
        "lifecycle": _any_of(LIFECYCLES) | {"description": "What the lead is."},
        "tags": names | {"description": "Carries any of them."},
        "topic": names | {"description": "May be written to about any of them."},
        "sequence": names | {"description": "Is or was in any of them."},
        "handoff": _any_of(HANDOFF_STATES) | {"description": "What became of the latest handoff."},
        "segment": names | {"description": "Is in any of these segments."},
    }
    fields = {name: test | {"description": "The lead's own."} for name in LEAD_FIELDS}
    event, beside = _event(), _beside()
    return {
        "condition": {
            "description": "Subjects with what must be true of them (several mean all), "
            "or the name of a segment.",
            "type": ["object", "string"],
            "properties": {**own, **event["properties"], **beside, **fields},
            "dependentRequired": {name: ["event"] for name in ("where", "same", *beside)},
            "additionalProperties": test,
        },
        "event": event,
        "where": event["properties"]["where"],
        "test": {
            "anyOf": [
                _VALUE,
                {"type": "array", "items": _VALUE},
                {
                    "type": "object",
                    "properties": {name: {} for name in OPERATORS},
                    "additionalProperties": False,
                },
            ]
        },
    }


def _any_of(words: Sequence[str]) -> Schema:
    word: Schema = {"enum": list(words)}
    return {"anyOf": [word, {"type": "array", "items": word}]}


def _event() -> Schema:
    said = "; ".join(f"{name}: {what}" for name, what in list(EVENTS.items())[:4])
    return {
        "type": "object",
        "description": "An engagement of the lead.",
        "properties": {
            "event": {
                "anyOf": [{"enum": list(EVENTS)}, _TEXT],
                "description": f"Its kind, as {said} …",
            },
            "where": {
                "type": "object",
                "description": "What its properties must be.",
                "additionalProperties": {"$ref": "#/$defs/test"},
            },
            "same": {
                "anyOf": [_TEXT, {"type": "array", "items": _TEXT}],
                "description": "Properties that must be those of the event that let the lead in.",
            },
        },
        "required": ["event"],
        "additionalProperties": False,
    }


def _beside() -> Schema:
    """What a condition may ask of an event beside it."""
    return {
        "within": {"type": "string", "description": "So long ago at most."},
        "at_least": {"type": "integer", "description": "So many times at least."},
        "at_most": {"type": "integer", "description": "So many times at most."},
    }
