"""The pass over a template's tree that puts its bounds in before it is compiled."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final, TypeVar

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from nurture.delivery.rendering.budget import flat, flat_mapping, joined, paid, weight

# Names no template can spell: the lexer takes letters, digits and underscores only.
INNER: Final = {"!paid": paid, "!flat": flat, "!mapping": flat_mapping, "!joined": joined}

_Sharing = TypeVar("_Sharing", nodes.Include, nodes.Import, nodes.FromImport)


class Misuse(Exception):
    """Something templates may not hold."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Bounds(NodeTransformer):
    """Rewrites a tree in place: every repeatable body pays, every joint is measured.

    Raises `Misuse` for filters, tests and tags that are not allowed, and for templates not among
    `parts`.
    """

    def __init__(
        self, filters: Collection[str], tests: Collection[str], parts: Collection[str]
    ) -> None:
        self._filters = filters
        self._tests = tests
        self._parts = parts

    def visit_Template(self, node: nodes.Template) -> nodes.Node:  # noqa: N802 - jinja2's names
        return self._paying(node, node.body)

    visit_Block = visit_Macro = visit_CallBlock = visit_Template  # noqa: N815

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        if node.recursive:
            raise Misuse(node.lineno, "a loop cannot be recursive")
        cost = weight([node.test]) if node.test is not None else 0
        bounded = self._paying(node, node.body)
        if node.test is not None:
            node.test = nodes.And(_pay(cost, node.lineno), node.test, lineno=node.lineno)
        return bounded

    def _paying(
        self, node: nodes.Template | nodes.Block | nodes.For, body: list[nodes.Node]
    ) -> nodes.Node:
        cost = weight(body)
        self.generic_visit(node)
        line = node.lineno
        node.body.insert(0, nodes.ExprStmt(_pay(cost, line), lineno=line))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        operands = nodes.List(node.nodes, lineno=node.lineno)
        return _filter(operands, "!joined", node.lineno)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "!flat", node.lineno)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "!flat", node.lineno) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "!mapping", node.lineno)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        if node.name not in self._filters:
            raise Misuse(
                node.lineno, f"there is no filter “{node.name}”{near(node.name, self._filters)}"
            )
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        if node.name not in self._tests:
            raise Misuse(
                node.lineno, f"there is no test “{node.name}”{near(node.name, self._tests)}"
            )
        return self.generic_visit(node)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        if node.attr.startswith("_"):
            raise Misuse(node.lineno, f"“{node.attr}” begins with _ and cannot be read")
        return self.generic_visit(node)

    def visit_Extends(self, node: nodes.Extends) -> nodes.Node:  # noqa: N802
        self._named(node.template, node.lineno)
        return node

    def visit_Include(self, node: nodes.Include) -> nodes.Node:  # noqa: N802
        return self._sharing(node)

    def visit_Import(self, node: nodes.Import) -> nodes.Node:  # noqa: N802
        return self._sharing(node)

    def visit_FromImport(self, node: nodes.FromImport) -> nodes.Node:  # noqa: N802
        return self._sharing(node)

    def _sharing(self, node: _Sharing) -> nodes.Node:
        """A part shares the budget, which travels in the context: it always gets the context."""
        self._named(node.template, node.lineno)
        node.with_context = True
        return node

    def _named(self, template: nodes.Node, line: int) -> None:
        name = template.value if isinstance(template, nodes.Const) else None
        if not isinstance(name, str):
            raise Misuse(line, "a part is named by a plain text in quotes")
        if name not in self._parts:
            raise Misuse(line, f"there is no part “{name}”{near(name, self._parts)}")

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        raise Misuse(node.lineno, "escaping cannot be switched")


def near(name: str, known: Iterable[str]) -> str:
    """“; did you mean …?” when something known is spelt alike, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean “{close[0]}”?" if close else ""


def _pay(cost: int, line: int) -> nodes.Filter:
    return _filter(nodes.Const(cost, lineno=line), "!paid", line)


def _filter(node: nodes.Expr, name: str, line: int) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=line)
