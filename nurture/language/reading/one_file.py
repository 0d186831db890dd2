"""One file at a time: from text to a model, or to problems with their places."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from nurture.language.files.sequence import SequenceModel, StepModel
from nurture.language.files.snippets import expanded, misused, of_head, scope
from nurture.language.grammar.models import Model
from nurture.language.grammar.segments import with_segments
from nurture.language.grammar.vocabulary import Known
from nurture.language.reading.later import LATER
from nurture.language.text.faults import Loc
from nurture.language.text.places import below, file_of, path_of, place_of, written
from nurture.language.text.problems import Problem
from nurture.language.text.source import decode, parse
from nurture.language.text.tree import Fault, Listing, Node, Scalar, Table, plain

M = TypeVar("M", bound=Model)

AT_KEY = frozenset(
    ("unknown-key", "unknown-step", "unknown-field", "unknown-comparison", "not-supported-yet",
     "story-order")
)  # fmt: skip
"""Rules that are about a key, not about what stands under it."""

_WANTED = {
    "string_type": "a text is expected here",
    "bool_type": "true or false is expected here",
    "bool_parsing": "true or false is expected here",
    "tuple_type": "a list is expected here",
    "list_type": "a list is expected here",
    "dict_type": "a mapping is expected here",
    "model_type": "a mapping is expected here",
    "model_attributes_type": "a mapping is expected here",
    "too_short": "an empty list; at least one is needed here",
}


@dataclass(frozen=True)
class Reading(Generic[M]):
    """What became of one file: a model (None when it has errors), its tree, its problems."""

    file: str
    name: str
    model: M | None
    tree: Node | None
    problems: tuple[Problem, ...]


def tree_of(data: bytes) -> tuple[Node | None, list[Fault]]:
    """The tree of a YAML file, None when it has none, and everything wrong with its text."""
    text, fault = decode(data)
    return parse(text) if fault is None else (None, [fault])


def read(kind: type[M], file: str, data: bytes, known: Known, *, name: str) -> Reading[M]:
    """Read one YAML file as a model of `kind`.  Never raises, whatever the bytes are."""
    return read_tree(kind, file, *tree_of(data), known, name=name)


def read_tree(
    kind: type[M], file: str, tree: Node | None, faults: Sequence[Fault], known: Known, *, name: str
) -> Reading[M]:
    """`read` for a file whose text was parsed before, with `tree_of`."""
    head = (name_in(tree) if tree else "") or name
    problems = [of_fault(file, each, head) for each in faults]
    if not problems and (tree is None or _blank(tree)):
        problems = [Problem(file, 1, 1, head, "the file is empty", rule="yaml-syntax")]
        tree = None
    if tree is None:
        return Reading(file, name, None, None, tuple(problems))
    if not faults:  # an alias leaves a hole that is no fault of its own
        problems += [
            Problem(file, *place, path_of(head, tree, loc), message, rule="wrong-value")
            for loc, place, message in _blanks(tree, ())
        ]
    problems += [of_fault(file, each, head) for each in misused(tree)]
    known = _with_own(known, tree)
    if kind is SequenceModel and isinstance(tree, Table):
        tree, more = expanded(tree, known)
        problems += [of_fault(file, each, head) for each in more]
    try:
        model: M | None = kind.model_validate(plain(tree), context=known)
    except ValidationError as error:
        model = None
        problems += [
            _problem(kind, file, head, tree, line)
            for line in error.errors()
            if not _blank(below(tree, line["loc"])) and not _of_others(tree, line["loc"])
        ]
    return Reading(file, head, model, tree, tuple(problems))


def _with_own(known: Known, tree: Node) -> Known:
    """The names known in a file: its own segments and snippets go before those of nurture.yaml."""
    own = tree.get("segments") if isinstance(tree, Table) else None
    snippets = of_head(tree.get("snippets") if isinstance(tree, Table) else None, "")
    known = with_segments(known, plain(own) if own is not None else None)
    return replace(known, snippets={**known.snippets, **snippets}) if snippets else known


def _of_others(tree: Node, loc: Loc) -> bool:
    """What is wrong here is said where it is written: in nurture.yaml, or under `snippets`."""
    return bool(file_of(tree, loc) or scope(loc))


def _blank(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _blanks(tree: Node, loc: Loc) -> Iterator[tuple[Loc, tuple[int, int], str]]:
    """Keys and entries with nothing behind them: the language has no word for nothing."""
    if isinstance(tree, Table):
        for key, entry in tree.entries.items():
            if _blank(entry.node):
                yield loc, (entry.line, entry.column), f'"{key}" has no value'
            yield from _blanks(entry.node, (*loc, key))
    elif isinstance(tree, Listing):
        for number, item in enumerate(tree.items):
            if _blank(item):
                yield (*loc, number), (item.line, item.column), "an entry of a list without a value"
            yield from _blanks(item, (*loc, number))


def name_in(tree: Node) -> str:
    """The name a sequence file gives itself, '' when there is none."""
    node = tree.get("sequence") if isinstance(tree, Table) else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


def of_fault(file: str, fault: Fault, path: str = "") -> Problem:
    """A fault of the text as a problem of a file."""
    return Problem(file, fault.line, fault.column, path, fault.message, rule=fault.rule)


# -- from pydantic's errors to problems


def _problem(
    kind: type[Model], file: str, name: str, tree: Node, line: Mapping[str, Any]
) -> Problem:
    loc: Loc = line["loc"]
    rule, message, found, allowed = _said(kind, line)
    if rule == "missing-key":
        loc = loc[:-1]
    elif rule not in AT_KEY:
        found = found or written(below(tree, loc))
    row, column = place_of(tree, loc, key=rule in AT_KEY or loc[-1:] == ("[key]",))
    return Problem(
        file, row, column, path_of(name, tree, loc), message, found, tuple(allowed), rule=rule
    )


def _said(kind: type[Model], line: Mapping[str, Any]) -> tuple[str, str, str, Sequence[str]]:
    """(rule, message, found, allowed) of one of pydantic's errors."""
    context = line.get("ctx", {})
    if "message" in context:
        return line["type"], context["message"], context["found"], context["allowed"]
    last = next((each for each in reversed(line["loc"]) if isinstance(each, str)), "")
    match line["type"]:
        case "extra_forbidden":
            return _unknown(model_at(kind, line["loc"][:-1]), last)
        case "missing":
            return "missing-key", f'"{last}" is missing', "", ()
        case "literal_error":
            allowed = [word.strip("'") for word in _literals(str(context["expected"]))]
            found = line["input"] if isinstance(line["input"], str) else ""
            return "wrong-value", f'"{last}" cannot be {_show(line["input"])}', found, allowed
        case "greater_than":
            return "wrong-value", f'"{last}" must be above {context["gt"]:g}', "", ()
        case "less_than":
            return "wrong-value", f'"{last}" must be below {context["lt"]:g}', "", ()
        case "greater_than_equal":
            return "wrong-value", f'"{last}" must be {context["ge"]} or more', "", ()
        case "less_than_equal":
            return "wrong-value", f'"{last}" must be {context["le"]} or less', "", ()
        case other:
            said = str(line["msg"]).removeprefix("Value error, ").removeprefix("Input ")
            wanted = _WANTED.get(other)
            if wanted and isinstance(line["input"], str | int | float):
                wanted += f", not {_show(line['input'])}"
            return "wrong-value", wanted or said, "", ()


def _literals(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str | int | float) else "that"
    return text if len(text) < 60 else f"{text[:57]}…"


def _unknown(model: type[Model] | None, word: str) -> tuple[str, str, str, Sequence[str]]:
    """An unknown key: later words are said to be later, others get the valid ones."""
    later = LATER.get(model.__name__, ()) if model else ()
    if word in later:
        return "not-supported-yet", f'"{word}" is not supported yet', "", ()
    fields = model.model_fields if model else {}
    allowed = [each.alias or name for name, each in fields.items()]
    if model is StepModel:
        return "unknown-step", f'unknown step "{word}"', word, allowed
    return "unknown-key", f'unknown key "{word}"', word, allowed


def model_at(kind: type[Model], loc: Loc) -> type[Model] | None:
    """The model that is read at a place of a file, None when there is none."""
    here: Any = kind
    for part in loc:
        here = _below(_bare(here), part)
        if here is None:
            return None
    here = _bare(here)
    return here if isinstance(here, type) and issubclass(here, Model) else None


def _bare(annotation: Any) -> Any:
    """A type without `Annotated` and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _bare(next(arg for arg in get_args(annotation) if arg is not type(None)))
    return annotation


def _below(annotation: Any, part: str | int) -> Any:
    origin = get_origin(annotation)
    if origin is tuple:
        return get_args(annotation)[0]
    if origin is dict:
        return get_args(annotation)[1]
    if isinstance(annotation, type) and issubclass(annotation, Model):
        known = annotation.model_fields.get(str(part))
        return known.annotation if known else None
    return None
