"""The graph as blocks within blocks: which ways lie side by side, and where they meet again.

Sequences are structured: every arm either comes back behind its step or ends.  So a picture of one
needs no search for a layout without crossings; it follows the nesting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nurture.language.compiled.graph import Edge, Graph, Node, Stage

FINAL = ("end", "start")


@dataclass(frozen=True)
class Lane:
    """One way from a step: what lies on it (nothing: straight on).

    `jump` is the node it leads to instead of coming back, when it lies elsewhere.
    """

    edge: Edge
    items: tuple[Item, ...] = ()
    jump: Node | None = None

    @property
    def open(self) -> bool:
        """Leads come out at its end."""
        if self.jump is not None:
            return False
        return not self.items or self.items[-1].open


@dataclass(frozen=True)
class Item:
    """A node with the ways from it; without lanes it goes straight on, or ends."""

    node: Node
    lanes: tuple[Lane, ...] = ()

    @property
    def open(self) -> bool:
        """Leads go on behind it."""
        if self.lanes:
            return any(lane.open for lane in self.lanes)
        return self.node.kind not in FINAL


@dataclass(frozen=True)
class Band:
    """A stage and what stands in it."""

    stage: Stage
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Nested:
    """The whole: entry, stages, and what stands behind them."""

    enter: Node
    bands: tuple[Band, ...]
    closing: tuple[Item, ...]


def nest(graph: Graph) -> Nested:
    """The blocks of a graph."""
    return _Nesting(graph).whole()


class _Nesting:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = {node.id: node for node in graph.nodes}
        self.ways: dict[str, list[Edge]] = defaultdict(list)
        for edge in graph.edges:
            self.ways[edge.source].append(edge)
        self.inside: dict[str, list[Node]] = defaultdict(list)
        """By node: the steps of its arms, one level down."""

    def whole(self) -> Nested:
        enter, *steps = self.graph.nodes
        closing = [node for node in steps if not node.stage]
        tops = [
            self._top(node for node in steps if node.stage == s.name) for s in self.graph.stages
        ]
        bands: list[Band] = []
        after = closing[0].id if closing else ""
        for stage, top in zip(reversed(self.graph.stages), reversed(tops), strict=True):
            bands.insert(0, Band(stage, self._block(top, after)))
            after = top[0].id if top else after
        return Nested(enter, tuple(bands), self._block(closing, ""))

    def _top(self, steps: Iterable[Node]) -> list[Node]:
        """The steps of a stage that stand in no arm; notes the others below theirs."""
        top: list[Node] = []
        around: list[Node] = []
        for node in steps:
            while around and not node.path.startswith(f"{around[-1].path}/"):
                around.pop()
            (self.inside[around[-1].id] if around else top).append(node)
            around.append(node)
        return top

    def _block(self, nodes: Sequence[Node], after: str) -> tuple[Item, ...]:
        follow = [*(node.id for node in nodes[1:]), after]
        return tuple(self._item(node, next_) for node, next_ in zip(nodes, follow, strict=False))

    def _item(self, node: Node, after: str) -> Item:
        ways = self.ways[node.id]
        if not ways or (len(ways) == 1 and ways[0].target == after and not ways[0].label):
            return Item(node)
        arms: dict[str, list[Node]] = defaultdict(list)
        for step in self.inside[node.id]:
            arms[step.path.rpartition("/")[0]].append(step)
        starts = {arm[0].id: arm for arm in arms.values()}
        return Item(node, tuple(self._lane(way, starts, after) for way in ways))

    def _lane(self, way: Edge, starts: dict[str, list[Node]], after: str) -> Lane:
        if way.target in starts:
            return Lane(way, self._block(starts[way.target], after))
        return Lane(way, jump=None if way.target == after else self.nodes[way.target])
