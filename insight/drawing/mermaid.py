"""A sequence as Mermaid text: a picture code hosts draw, and reviewers can read as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from insight.drawing.layout import Saying
from insight.drawing.lettering import clean
from insight.drawing.look import KINDS
from insight.drawing.saying import Picture, saying
from nurture.language.compiled.boxes import Kind
from nurture.language.compiled.graph import Node

SHAPES: dict[Kind, tuple[str, str]] = {
    "enter": ("([", "])"), "gate": ("{{", "}}"), "branch": ("{", "}"), "split": ("{", "}"),
    "wait_for": ("[/", "/]"),
    "start": ("[[", "]]"), "end": ("([", "])"), "goal": ("([", "])"), "exit": ("([", "])"),
}  # fmt: skip
_READ = re.compile(r"(?!: )[^\w .,()=+'?!/-]")
"""What Mermaid, HTML or Markdown could read: it is written as the character's number."""


def mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flowchart."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    graph, told = picture.graph, saying(picture.counts)
    yield "flowchart TD"
    yield f"  accTitle: Sequence {_safe(graph.sequence)}"
    about = [part for part in (graph.description, picture.subtitle, *picture.notes) if part]
    for line in about:
        yield f"  %% {_safe(line)}"
    enter, *steps = graph.nodes
    yield _node(enter, told)
    for number, stage in enumerate(graph.stages, start=1):
        head = _label([stage.name, told.stage(stage)])
        yield from _group(f"stage{number}", head, (n for n in steps if n.stage == stage.name), told)
    yield from (_node(node, told) for node in steps if not node.stage)
    for edge in graph.edges:
        label = _label([edge.label, told.edge(edge)])
        yield f"  {edge.source} -->{f'|{label}|' if edge.label else ''} {edge.target}"
    if graph.leaving:
        yield from _group("leaving", _label(["At any step a lead leaves by"]), graph.leaving, told)
    yield from _colours(graph.nodes + graph.leaving)


def _group(name: str, head: str, nodes: Iterable[Node], told: Saying) -> Iterator[str]:
    yield f"  subgraph {name}[{head}]"
    for node in nodes:
        yield f"  {_node(node, told)}"
    yield "  end"


def _node(node: Node, told: Saying) -> str:
    left, right = SHAPES.get(node.kind, ("[", "]"))
    return f"  {node.id}{left}{_label([node.text, node.detail, told.node(node)])}{right}"


def _colours(nodes: Iterable[Node]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for node in nodes:
        found.setdefault(node.kind, []).append(node.id)
    for kind, names in found.items():
        yield f"  classDef is_{kind} stroke:{KINDS[kind][0]},stroke-width:2px"
        yield f"  class {','.join(names)} is_{kind}"


def _label(lines: Iterable[str]) -> str:
    return '"' + "<br/>".join(_safe(line) for line in lines if line) + '"'


def _safe(text: str) -> str:
    """Text that is text to Mermaid, whatever stands in it."""
    return _READ.sub(lambda found: f"#{ord(found[0])};", clean(text))
