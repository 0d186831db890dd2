"""What is applied of a file: its text, with all it uses of nurture.yaml written into it.

So a version goes on meaning what it meant, its hash changes with what it uses, and a plan says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nurture.language.files.sequence import SequenceModel
from nurture.language.files.snippets import needed, of_head, with_defaults
from nurture.language.grammar.models import Model
from nurture.language.grammar.segments import named
from nurture.language.grammar.vocabulary import Known
from nurture.language.reading.one_file import read, tree_of
from nurture.language.text.parts import without
from nurture.language.text.rewriting import flow
from nurture.language.text.source import parse
from nurture.language.text.tree import Table, plain

PART_BY_PART = ("segments", "snippets", "timing")
"""Keys of which a file may say a part, and nurture.yaml the others."""
NOTE = "# Out of nurture.yaml, as it was when this was applied."


def taken(model: Model, tree: Table, head: Known) -> dict[str, Any]:
    """What a file (`tree`, read as `model`) takes from nurture.yaml, by key: its own entries under
    that key among it."""
    segments = _own(tree, "segments")
    used = sorted(name for name in named(model) if name in head.written and name not in segments)
    found = {"segments": segments | {name: head.written[name] for name in used}} if used else {}
    if not isinstance(model, SequenceModel):
        return found
    snippets = _own(tree, "snippets")
    every = {**head.snippets, **of_head(tree.get("snippets"), "")}
    used = sorted(needed(tree, every) - snippets.keys())
    if used:
        found["snippets"] = snippets | {name: plain(every[name].node) for name in used}
    whole = with_defaults(tree, head.defaults)
    return found | {
        key: content
        for key in head.defaults
        if (content := plain(whole.entries[key].node)) != _own(tree, key)
    }


def without_taken(source: str, head: Known) -> str:
    """A version's text without what nurture.yaml says today as well; the whole of it where it would
    mean something else then."""
    text, mark, _ = source.partition(f"\n{NOTE}\n")
    whole, own = _content(source), _content(text)
    if not mark or not own:
        return source
    kept = {key: _beside(key, value, head) for key, value in whole.items() if key not in own}
    added = [line for key, value in kept.items() if value for line in _entry(key, value)]
    made = "\n".join([text.rstrip(), *([""] if added else []), *added, ""])
    reading = read(SequenceModel, "", made.encode(), head, name="")
    if reading.model is None or not isinstance(reading.tree, Table):
        return source
    tree = tree_of(made.encode())[0]
    assert isinstance(tree, Table)
    again = closed(made, taken(reading.model, tree, head))
    return made if _content(again) == whole else source


def _beside(key: str, value: Any, head: Known) -> Any:
    """What an entry says that nurture.yaml does not, nothing where that is all."""
    if key == "segments":
        there: Any = head.written
    elif key == "snippets":
        there = {name: plain(entry.node) for name, entry in head.snippets.items()}
    else:
        there = plain(head.defaults[key].node) if key in head.defaults else None
    if isinstance(value, dict) and isinstance(there, dict) and key in PART_BY_PART:
        return {name: part for name, part in value.items() if there.get(name) != part}
    return None if value == there else value


def _own(tree: Table, key: str) -> Any:
    """What a file says under a key, without anything from elsewhere."""
    node = tree.get(key)
    return plain(node) if node is not None else {}


def closed(text: str, entries: Mapping[str, Any]) -> str:
    """A file's text with these entries in place of those it has under the same keys."""
    if not entries:
        return text
    whole = {**_content(text), **entries}
    for key in entries:
        text = without(text, key)
    added = [line for key in entries for line in _entry(key, whole[key])]
    made = "\n".join([text.rstrip(), "", NOTE, *added, ""])
    return made if _content(made) == whole else f"{flow(whole)}\n"


def _content(text: str) -> dict[str, Any]:
    tree, faults = parse(text)
    content = plain(tree) if tree is not None and not faults else None
    return content if isinstance(content, dict) else {}


def _entry(key: str, value: Any) -> list[str]:
    """An entry; of a mapping each of its entries on a line."""
    if not isinstance(value, dict) or not value:
        return [f"{key}: {flow(value)}"]
    return [f"{key}:", *(f"  {flow(name)}: {flow(part)}" for name, part in value.items())]
