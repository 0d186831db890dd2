"""What a YAML file holds, as a tree that knows where everything stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """Something wrong with the text itself; lines and columns count from 1."""

    rule: str
    message: str
    line: int
    column: int


@dataclass(frozen=True)
class Scalar:
    """A text, number, true/false or nothing; `plain` when written without quotes."""

    line: int
    column: int
    value: str | int | float | bool | None
    plain: bool


@dataclass(frozen=True)
class Entry:
    """A key with its place, and what stands under it; `file` is another one it comes from."""

    line: int
    column: int
    node: Node
    file: str = ""


@dataclass(frozen=True)
class Table:
    """A mapping, in written order."""

    line: int
    column: int
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """What stands under a key, None when it is not there."""
        entry = self.entries.get(key)
        return entry.node if entry else None


@dataclass(frozen=True)
class Listing:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


Node = Scalar | Table | Listing


def plain(node: Node) -> Any:
    """The tree as plain dicts, lists and values."""
    if isinstance(node, Table):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value
