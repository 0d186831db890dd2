"""What sequences share: `snippets` (steps used by name) and `defaults` of nurture.yaml.

Both are put into a sequence's tree where it uses them, before it is read.  What comes from
nurture.yaml keeps its place there; the steps of a snippet stand below the `use` that names it:
`trial-welcome/interest/3/nudge/2`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nurture.language.files.sequence import StepModel
from nurture.language.grammar.models import Model
from nurture.language.grammar.vocabulary import Known
from nurture.language.text.faults import Loc
from nurture.language.text.tree import Entry, Fault, Listing, Node, Scalar, Table

MOST_STEPS = 2_000
MOST_NESTED = 8


def of_head(node: Node | None, file: str) -> dict[str, Entry]:
    """The entries of a mapping of nurture.yaml, each with the file it stands in."""
    if not isinstance(node, Table):
        return {}
    return {
        name: replace(entry, node=_merged({}, entry.node, file), file=file)
        for name, entry in node.entries.items()
    }


def with_defaults(tree: Table, defaults: Mapping[str, Entry]) -> Table:
    """The tree with what it does not say: whole keys, of `timing` each of its own."""
    entries = {**tree.entries}
    for key, entry in defaults.items():
        own = tree.get(key)
        if own is None:
            entries[key] = entry
        elif key == "timing" and isinstance(own, Table):
            entries[key] = replace(tree.entries[key], node=_merged(own.entries, entry.node, ""))
    return replace(tree, entries=entries)


def _merged(own: Mapping[str, Entry], node: Node, file: str) -> Node:
    """A mapping with entries that go before its own, which carry the name of a file."""
    if not isinstance(node, Table):
        return node
    theirs = {key: replace(each, file=each.file or file) for key, each in node.entries.items()}
    return replace(node, entries={**theirs, **own})


class _Expander:
    """Puts the steps of snippets where they are used; what is too much is left as it is."""

    def __init__(self, snippets: Mapping[str, Entry]) -> None:
        self.snippets = snippets
        self.steps = 0
        self.at = Scalar(1, 1, "", True)
        """The use outside of all snippets that is being expanded."""
        self.faults: list[Fault] = []

    def node(self, node: Node, inside: tuple[str, ...]) -> Node:
        if isinstance(node, Table):
            entries = {
                key: replace(each, node=self.node(each.node, inside))
                for key, each in node.entries.items()
            }
            return replace(node, entries=entries)
        if isinstance(node, Listing):
            return replace(node, items=[self.item(item, inside) for item in node.items])
        return node

    def item(self, item: Node, inside: tuple[str, ...]) -> Node:
        """An entry of a list, perhaps a step that uses a snippet."""
        made = self.node(item, inside)
        use = made.entries.get("use") if isinstance(made, Table) else None
        if not isinstance(made, Table) or use is None or not isinstance(use.node, Scalar):
            return made
        self.at = self.at if inside else use.node
        steps = self.used(str(use.node.value), use.node, inside)
        entries = {**made.entries, "use": replace(use, node=steps or use.node)}
        return replace(made, entries=entries)

    def used(self, name: str, at: Scalar, inside: tuple[str, ...]) -> Table | None:
        """The steps of a snippet by its name, None when there are none to be had."""
        snippet = self.snippets.get(name)
        if snippet is None or name in inside or not isinstance(snippet.node, Listing):
            return None
        self.steps += len(snippet.node.items)
        if self.steps > MOST_STEPS or len(inside) >= MOST_NESTED:
            message = f"too much: {MOST_STEPS:,} steps of snippets, {MOST_NESTED} deep at most"
            self.faults = [Fault("too-large", message, self.at.line, self.at.column)]
            return None
        steps = replace(snippet, node=self.node(snippet.node, (*inside, name)))
        return Table(at.line, at.column, {name: steps})


def expanded(tree: Table, known: Known) -> tuple[Table, list[Fault]]:
    """A sequence with its defaults, and with the steps of snippets, its own or nurture.yaml's, in
    its stages."""
    whole = with_defaults(tree, known.defaults)
    expander = _Expander({**known.snippets, **of_head(tree.get("snippets"), "")})
    stages = whole.entries.get("stages")
    if stages is None or not expander.snippets:
        return whole, []
    stages = replace(stages, node=expander.node(stages.node, ()))
    return replace(whole, entries={**whole.entries, "stages": stages}), expander.faults


def uses(node: Node | None) -> Iterator[str]:
    """The names of the snippets used below a node that was not expanded."""
    yield from (str(use.value) for use in _all_uses(node) if isinstance(use, Scalar))


def misused(node: Node) -> list[Fault]:
    """What stands where the name of a snippet belongs, and looks like one put in its place."""
    message = "the name of a snippet is expected here"
    return [
        Fault("wrong-value", message, use.line, use.column)
        for use in _all_uses(node)
        if isinstance(use, Table)
    ]


def _all_uses(node: Node | None) -> Iterator[Any]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Table):
            waiting += [entry.node for entry in node.entries.values()]
        elif isinstance(node, Listing):
            waiting += node.items
            found = (item.get("use") for item in node.items if isinstance(item, Table))
            yield from (use for use in found if use is not None)


def needed(node: Node, snippets: Mapping[str, Entry]) -> set[str]:
    """The snippets used below a node, also by each other."""
    found: set[str] = set()
    waiting = list(uses(node))
    while waiting:
        name = waiting.pop()
        if name in snippets and name not in found:
            found.add(name)
            waiting += uses(snippets[name].node)
    return found


def ids(part: Any) -> Iterator[str]:
    """The ids of steps and of those in their arms, not of those in snippets they use."""
    if isinstance(part, StepModel) and part.id is not None:
        yield part.id
    if isinstance(part, Model):
        yield from (each for name, value in part if name != "use" for each in ids(value))
    elif isinstance(part, tuple | dict):
        values = part.values() if isinstance(part, dict) else part
        yield from (each for value in values for each in ids(value))


def scope(loc: Loc) -> Loc:
    """The use of a snippet in which a place is, () when it is in none."""
    at = (n for n in range(len(loc) - 2, 0, -1) if loc[n] == "use" and isinstance(loc[n - 1], int))
    return loc[: next(at, -2) + 2]


def sees(here: Loc, other: Loc) -> bool:
    """A step at a place can name one at another: of the same use of a snippet, or outside of it."""
    outer = scope(other)
    return here[: len(outer)] == outer
