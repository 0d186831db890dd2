"""Places in a tree: what stands there, its line and column, and the path people read."""

from __future__ import annotations

from nurture.language.text.faults import Loc
from nurture.language.text.tree import Listing, Node, Scalar, Table


def below(tree: Node | None, loc: Loc) -> Node | None:
    """The node at a place below another, None when nothing is written there."""
    node = tree
    for part in loc:
        if isinstance(node, Table):
            node = node.get(str(part))
        elif isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def file_of(tree: Node, loc: Loc) -> str:
    """The other file a place of an expanded tree comes from, '' for the file itself."""
    node: Node | None = tree
    file = ""
    for part in loc:
        if isinstance(node, Table) and part in node.entries:
            file = node.entries[str(part)].file or file
        node = below(node, (part,)) if node is not None else None
    return file


def written(node: Node | None) -> str:
    """A plain value as it reads in the file, '' for anything else."""
    if not isinstance(node, Scalar) or node.value is None:
        return ""
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def place_of(tree: Node, loc: Loc, *, key: bool = False) -> tuple[int, int]:
    """Line and column of a place, or of the nearest thing around it that is written down."""
    node, place = tree, (tree.line, tree.column)
    for part in loc:
        if isinstance(node, Table) and part in node.entries:
            entry = node.entries[str(part)]
            node = entry.node
            place = (entry.line, entry.column) if key else (node.line, node.column)
        elif isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = (node.line, node.column)
        else:
            break
    return place


NAMED_BY = ("stage", "rule", "rep", "threshold", "group")
"""Keys by which the entries of a list are called in paths, instead of by their number."""

_SILENT = frozenset(("stages", "steps", "branch", "split", "arms", "use"))


def path_of(name: str, tree: Node, loc: Loc) -> str:
    """The readable path of a place: `trial-welcome/interest/1/otherwise/1`, `scoring/fit/role`.

    A last key that only holds a value is left out: the line says which it is.
    """
    parts, node, inside = [name], tree, ""
    for part in loc:
        if isinstance(node, Table) and part in node.entries:
            node = node.entries[str(part)].node
            inside = f"arm {part}" if inside == "arms" else str(part)
            if not isinstance(node, Scalar) and inside not in _SILENT:
                parts.append(inside)
        elif isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            parts.append(_called(node, part, inside))
        else:
            break
    return "/".join(part for part in parts if part)


def _called(node: Node, index: int, inside: str) -> str:
    if inside == "branch":
        last = isinstance(node, Table) and "otherwise" in node.entries
        return "" if last else f"arm {index + 1}"
    if isinstance(node, Table):
        for key in NAMED_BY if inside != "routing" else ():  # whom a route names is not its name
            named = node.get(key)
            if isinstance(named, Scalar) and isinstance(named.value, str):
                return named.value
    return str(index + 1)
