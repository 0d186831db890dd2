"""Other values in a YAML file, and not another byte of it: comments, order and quoting stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from nurture.language.text.faults import Loc
from nurture.language.text.source import parse, plain_value
from nurture.language.text.tree import plain

_PLAIN = re.compile(r"[^\W\d_](?:[\w '/.+()@-]*[\w'/.+()@-])?")
"""Texts that mean themselves without quotes, inside brackets too."""
Node = ScalarNode | SequenceNode | MappingNode
Edit = tuple[int, int, str]
Change = tuple[Loc, Any]


class NotRewritten(ValueError):
    """The file is written in a way in which its values cannot be changed one by one."""


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        inside = ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow(item) for item in value)}]"
    return _scalar(value, None)


def rewrite(text: str, changes: Sequence[Change]) -> str:
    """The text with other values at these places, each written in the form it had.

    A list of names may stand there as one name, a list, or a mapping of names to details.  Raises
    NotRewritten rather than change anything else.
    """
    root = YAML(typ="safe", pure=True).compose(text)
    edits: list[Edit] = []
    for loc, value in changes:
        edits += _edits(text, _below(root, loc), value)
    new = text
    for start, end, words in sorted(edits, reverse=True):
        new = new[:start] + words + new[end:]
    _assert_only(text, new, changes)
    return new


def _below(node: Node | None, loc: Loc) -> Node:
    for part in loc:
        if isinstance(node, MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            node = None
    if node is None:
        raise NotRewritten(f"nothing stands at {'/'.join(map(str, loc))}")
    return node


def _edits(text: str, node: Node, new: Any) -> Iterator[Edit]:
    if isinstance(node, ScalarNode):
        one = new[0] if isinstance(new, list) and len(new) == 1 else new
        said = flow(new) if isinstance(one, list | dict) else _scalar(one, node.style)
        block = node.style in ("|", ">")  # such a text ends with its last line's end
        yield _whole(node, said + "\n" if block else said)
    elif isinstance(node, SequenceNode) and isinstance(new, list):
        yield from _listed(text, node, new)
    elif isinstance(node, MappingNode):
        yield from _mapped(text, node, new)
    else:
        yield _whole(node, flow(new))


def _listed(text: str, node: SequenceNode, new: list[Any]) -> Iterator[Edit]:
    """The entries that differ; in a block the others keep their lines and comments."""
    items = node.value
    if not new or not items or (node.flow_style and len(items) != len(new)):
        yield _whole(node, flow(new))
        return
    for item, value in zip(items, new, strict=False):
        if not _same(item, value):
            yield from _edits(text, item, value)
    after = _next_line(text, _end(node))
    if len(new) < len(items):
        first = items[len(new)].start_mark.index
        yield text.rfind("\n", 0, first) + 1, after, ""
    elif len(new) > len(items):
        end = "\r\n" if "\r\n" in text else "\n"
        before = "" if text[after - 1] == "\n" else end
        dash = f"{' ' * node.start_mark.column}- "
        yield (
            after,
            after,
            before + "".join(f"{dash}{flow(each)}{end}" for each in new[len(items) :]),
        )


def _next_line(text: str, at: int) -> int:
    found = text.find("\n", at)
    return found + 1 if found >= 0 else len(text)


def _mapped(text: str, node: MappingNode, new: Any) -> Iterator[Edit]:
    """A mapping of names to details: those that differ, if the names are the same."""
    entries = [new] if isinstance(new, dict) else new if isinstance(new, list) else []
    paired = [next(iter(each.items())) for each in entries if isinstance(each, dict)]
    names = [name for name, _ in paired]
    if len(paired) != len(entries) or len(set(names)) != len(names) or not names:
        yield _whole(node, flow(new))
    elif names == [key.value for key, _ in node.value]:
        for (_, value), (_, detail) in zip(node.value, paired, strict=True):
            if not _same(value, detail):
                yield from _edits(text, value, detail)
    else:
        yield _whole(node, flow(dict(paired)))


def _whole(node: Node, new: str) -> Edit:
    return node.start_mark.index, _end(node), new


def _end(node: Node) -> int:
    """Where a node ends; a block ends with its last entry, before the comments that follow."""
    if isinstance(node, ScalarNode) or node.flow_style or not node.value:
        end: int = node.end_mark.index
        return end
    last = node.value[-1]
    return _end(last[1] if isinstance(node, MappingNode) else last)


def _same(node: Node, value: Any) -> bool:
    return bool(_plain(node) == value)


def _plain(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    return node.value if node.style else plain_value(node.value)


def _scalar(value: Any, style: str | None) -> str:
    """A value as YAML, a text in the quotes it had if it can be said in them."""
    if not isinstance(value, str):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    bare = style is None and _PLAIN.fullmatch(value) and isinstance(plain_value(value), str)
    return value if bare else json.dumps(value, ensure_ascii=False)


def _assert_only(before: str, after: str, changes: Sequence[Change]) -> None:
    """Nothing but the values asked for may have changed."""
    (old, _), (new, faults) = parse(before), parse(after)
    if old is None or new is None or faults:
        raise NotRewritten("it could not be read afterwards")
    wanted, found = plain(old), plain(new)
    for loc, value in changes:
        if _entries(_take(found, loc)) != _entries(value):
            raise NotRewritten(f"the value at {'/'.join(map(str, loc))} cannot be rewritten")
        _take(wanted, loc)
    if found != wanted:
        raise NotRewritten("more than the expectations would have changed")


def _take(tree: Any, loc: Loc) -> Any:
    """What stands at a place of a plain tree; afterwards nothing does."""
    for part in loc[:-1]:
        tree = tree[part]
    value, tree[loc[-1]] = tree[loc[-1]], None
    return value


def _entries(value: Any) -> list[Any]:
    """The same list, however it is written."""
    if isinstance(value, dict):
        return [{name: detail} for name, detail in value.items()]
    return value if isinstance(value, list) else [value]
