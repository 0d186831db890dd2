"""Which fields a template reads, found in its tree, so that they can be checked before any mail."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import Environment, TemplateSyntaxError, nodes

from nurture.ledger.errors import RenderFailed

_SYNTAX = Environment(autoescape=True)
_GIVEN = frozenset({"range", "namespace", "loop", "super", "caller", "varargs", "kwargs", "self"})


def variables(source: str, *, name: str = "template") -> list[tuple[str, int]]:
    """Every path read from outside the template with its line, in the order of the text.

    `lead.first_name` and `lead['first_name']` are both `lead.first_name`; what the template itself
    sets, loops over or takes as a macro's argument is left out. Raises `RenderFailed`.
    """
    try:
        tree = _SYNTAX.parse(source)
        found: list[tuple[str, int]] = []
        _walk(tree, set(_GIVEN), found)
    except TemplateSyntaxError as failure:
        said = (failure.message or "it cannot be read").rstrip(".")
        raise RenderFailed(f"{name}, line {failure.lineno}: {said}.") from failure
    except (RecursionError, ValueError, MemoryError) as failure:
        raise RenderFailed(f"{name}: it nests too deep.") from failure
    return found


def _walk(node: nodes.Node, own: set[str], found: list[tuple[str, int]]) -> None:
    """Adds what `node` reads to `found`; what it sets for what follows, to `own`."""
    path = _path(node)
    if path is not None:
        if path.partition(".")[0] not in own:
            found.append((path, node.lineno))
        return
    if isinstance(node, nodes.For):
        _walk(node.iter, own, found)
        inner = own | _names(node.target)
        _walk_all([node.test, *node.body], inner, found)
        _walk_all(node.else_, set(own), found)
    elif isinstance(node, nodes.Macro | nodes.CallBlock):
        if isinstance(node, nodes.Macro):
            own.add(node.name)
        else:
            _walk(node.call, own, found)
        _walk_all(node.defaults, own, found)
        inner = own | {argument.name for argument in node.args}
        _walk_all(node.body, inner, found)
    elif isinstance(node, nodes.With):
        _walk_all(node.values, own, found)
        inner = own.union(*(_names(target) for target in node.targets))
        _walk_all(node.body, inner, found)
    elif isinstance(node, nodes.Assign):
        _walk(node.node, own, found)
        own |= _names(node.target)
    elif isinstance(node, nodes.AssignBlock):
        _walk_all([node.filter, *node.body], set(own), found)
        own |= _names(node.target)
    elif isinstance(node, nodes.Import):
        own.add(node.target)
    elif isinstance(node, nodes.FromImport):
        own |= {name if isinstance(name, str) else name[1] for name in node.names}
    elif isinstance(node, nodes.Block):
        _walk_all(node.body, set(own), found)
    else:
        _walk_all(node.iter_child_nodes(), own, found)


def _walk_all(
    children: Iterable[nodes.Node | None], own: set[str], found: list[tuple[str, int]]
) -> None:
    for child in children:
        if child is not None:
            _walk(child, own, found)


def _names(target: nodes.Node) -> set[str]:
    names = {name.name for name in target.find_all(nodes.Name)}
    return names | {target.name} if isinstance(target, nodes.Name) else names


def _path(node: nodes.Node) -> str | None:
    """`a.b.c` for a chain of plain names, else None."""
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        step: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        step = node.arg.value
    else:
        return None
    before = _path(node.node)
    return f"{before}.{step}" if before is not None and isinstance(step, str) else None
