"""What a picture says beside its shapes: counts in words, and the whole for who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass

from insight.drawing.layout import Saying
from insight.steps import Count, Counts
from nurture.language.compiled.graph import Edge, Graph, Node

TRACELESS = (
    "A wait or an update leaves no row of its own: it shows who stands there, not who passed."
)
LEFT = "Whoever left at a step counts at the goal or exit rule, not as having passed."


@dataclass(frozen=True)
class Picture:
    """A graph to be drawn: what stands below its title, its counts, and notes at its foot."""

    graph: Graph
    subtitle: str = ""
    counts: Counts | None = None
    notes: tuple[str, ...] = ()


def notes(counts: Counts | None) -> tuple[str, ...]:
    """What has to be known to read the counts; nothing without them."""
    if counts is None:
        return ()
    more = counts.elsewhere
    ways = (
        f"{more:,} more {'lead is' if more == 1 else 'leads are'} on their way on other versions."
    )
    return (TRACELESS, LEFT, *([ways] if more else []))


def saying(counts: Counts | None) -> Saying:
    """How the counts are said; nothing without them."""
    if counts is None:
        return Saying()
    return Saying(
        node=lambda node: say_node(node, counts.nodes.get(node.id)),
        edge=lambda edge: say_edge(edge, counts),
        stage=lambda stage: f"{counts.stages.get(stage.name, 0):,} reached",
    )


def say_edge(edge: Edge, counts: Counts) -> str:
    """How many went this way, '' where it is not known."""
    count = counts.edges.get((edge.source, edge.target))
    return "" if count is None else f"{count:,} {'lead' if count == 1 else 'leads'}"


def say_node(node: Node, count: Count | None) -> str:
    """Who stands at a node and who passed it."""
    if count is None:
        return ""
    here = [f"{count.here:,} here now"] if count.here else []
    return ", ".join([*here, *_passed(node, count)]) or "nobody here now"


def _passed(node: Node, count: Count) -> list[str]:
    passed = f"{count.passed or 0:,}"
    match node.kind:
        case "enter":
            return [f"{passed} entered"]
        case "goal" | "exit":
            return [f"{passed} left here"]
        case "end":
            return [f"{passed} ended here"]
        case "start":
            return [f"{passed} went there"]
        case "send":
            unsent = (count.passed or 0) - (count.sent or 0)
            return [f"{count.sent or 0:,} sent", *([f"{unsent:,} not sent"] if unsent else [])]
    return [] if count.passed is None else [f"{passed} passed"]


def in_words(picture: Picture) -> str:
    """The picture told step by step, for screen readers."""
    graph, told = picture.graph, saying(picture.counts)
    places = {node.id: number for number, node in enumerate(graph.nodes, start=1)}
    parts = [part for part in (graph.description, picture.subtitle) if part]
    for node in graph.nodes:
        beside = [node.detail, f"stage {node.stage}" if node.stage else "", told.node(node)]
        said = "; ".join([node.text, *(part for part in beside if part)])
        parts.append(f"{places[node.id]}. {said}{_onward(node, graph, places)}")
    parts += ["; ".join(x for x in (n.text, n.detail, told.node(n)) if x) for n in graph.leaving]
    return ". ".join([*parts, *picture.notes])


def _onward(node: Node, graph: Graph, places: dict[str, int]) -> str:
    ways = [edge for edge in graph.edges if edge.source == node.id]
    said = [f"{way.label}: " * bool(way.label) + f"on to {places[way.target]}" for way in ways]
    return f" ({', '.join(said)})" if said else ""
