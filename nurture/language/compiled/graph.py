"""A sequence as a picture shows it: what can happen to a lead, and what follows what.

Made from the compiled program, so it branches and rejoins exactly as leads do.  The drawing itself
is `insight.drawing`'s: this is the definition's own form, and no rows are needed for it.

A stage's head is no node: it is the `Stage` its steps stand in, and edges lead to what follows it.
The closing `End` is left out when every way ends before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nurture.language.compiled import program as p
from nurture.language.compiled.boxes import Kind, said_of
from nurture.language.grammar.durations import say
from nurture.language.grammar.terms import Entry
from nurture.language.grammar.words import (
    NOTHING_ELSE,
    closed,
    describe,
    drawn,
    enters,
    followed,
    happened,
    held_out,
    missed,
    passed,
    went,
    went_enough,
)


@dataclass(frozen=True)
class Stage:
    """A stage of the funnel; its nodes name it."""

    name: str
    path: str


@dataclass(frozen=True)
class Node:
    """One thing that happens.

    `id` is unique in the graph (`enter`, `step7` by position, `goal`, `exit1`).  `text` says what
    it does, `detail` what is worth knowing beside it ('' for nothing).  `stage` is '' outside all
    stages; `key` is the step's identity across versions, '' for what is no step.
    """

    id: str
    kind: Kind
    text: str
    detail: str
    path: str
    stage: str = ""
    key: str = ""
    position: int | None = None


@dataclass(frozen=True)
class Edge:
    """A way from one node to another.

    `label` says when it is taken ('' when there is no choice), `reasons` what the ledger notes of
    leads that take it.
    """

    source: str
    target: str
    label: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A sequence's stages, nodes in program order, and edges.

    `leaving` are the goal and the exit rules: they hold at every node, so no edge leads there.
    """

    sequence: str
    description: str
    stages: tuple[Stage, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    leaving: tuple[Node, ...]


def graph_of(program: p.Program) -> Graph:
    """The graph of a compiled sequence."""
    usual = _usual_topic(program)
    edges = (Edge("enter", _id(landing(program, 0))), *_edges(program))
    targets = {edge.target for edge in edges}
    nodes = tuple(
        _node(step, usual)
        for step in program.steps
        if not isinstance(step, p.EnterStage) and (step.stage or _id(step.position) in targets)
    )
    return Graph(
        sequence=program.sequence,
        description=program.description,
        stages=tuple(Stage(name, f"{program.sequence}/{name}") for name in program.stages),
        nodes=(_enter(program.entry), *nodes),
        edges=edges,
        leaving=tuple(_leaving(program)),
    )


def _id(position: int) -> str:
    return f"step{position}"


def landing(program: p.Program, target: int | None) -> int:
    """The position of the node a lead comes to that is sent to `target`: behind heads of stages."""
    last = len(program.steps) - 1
    position = last if target is None else min(target, last)
    while isinstance(step := program.steps[position], p.EnterStage) and step.next is not None:
        position = step.next
    return position


Way = tuple[int | None, str, str]
"""A target, the label of the way there, and what is noted of leads that take it."""


def _ways(step: p.Step) -> list[Way]:
    match step:
        case p.Gate(when=when, within=within):
            return [
                (step.next, f"holds within {within}", passed(when)),
                (step.otherwise, "otherwise", closed(when, within)),
            ]
        case p.WaitFor(ways=events, within=within):
            return [
                *_awaited(step),
                (step.otherwise, "otherwise", missed([each for each, _ in events], within)),
            ]
        case p.Branch(arms=arms):
            ways: list[Way] = [(way, describe(when), describe(when)) for when, way in arms]
            return [*ways, (step.otherwise, "otherwise", NOTHING_ELSE)]
        case p.Split(name=name, arms=arms, hold_out=percent, winner=winner):
            ways = [
                (way, f"{arm} {share:.4g} %", drawn(name, arm, share)) for arm, share, way in arms
            ]
            ways += [(way, "", followed(name, arm)) for arm, _, way in arms if winner]
            aside = (step.next, f"held out {percent:.4g} %", held_out(name, percent))
            return [*ways, aside] if percent else ways
        case p.Goto(name=name, target=target, at_most=times):
            return [(target, "go", went(name)), (step.next, "then", went_enough(name, times))]
        case p.End() | p.Start() | p.EnterStage():
            return []
    return [(step.next, "", "")]


def _awaited(step: p.WaitFor) -> Iterator[Way]:
    for event, target in step.ways:
        label = describe(event) if len(step.ways) > 1 else f"within {step.within}"
        yield target, label, happened(event)


def _edges(program: p.Program) -> Iterator[Edge]:
    for step in program.steps:
        found: dict[int, list[Way]] = {}
        for way in _ways(step):
            found.setdefault(landing(program, way[0]), []).append(way)
        for target, ways in found.items():
            label = " or ".join(label for _, label, _ in ways if label)
            reasons = tuple(dict.fromkeys(reason for _, _, reason in ways if reason))
            yield Edge(_id(step.position), _id(target), label, reasons)


# -- words


def _usual_topic(program: p.Program) -> str:
    """What most of its mails are about: said once, not at every mail."""
    topics = Counter(step.topic for step in program.steps if isinstance(step, p.Send))
    return topics.most_common(1)[0][0] if topics else ""


def _enter(entry: Entry) -> Node:
    again = "once per lead" if not entry.key else f"once per {entry.key}"
    if entry.again is not None:
        again += f", again {f'after {say(entry.again)}' if entry.again else 'whenever it ended'}"
    verb = "Enters on" if entry.by_event or entry.date else "Enters while"
    notes = [again if entry.date is None else "once for each date"]
    notes += [f"at most {entry.at_most:,} a day"] if entry.at_most else []
    notes += [f"except {describe(entry.excluded)}"] if entry.excluded else []
    text = "Enters by command" if entry.asked else f"{verb} {enters(entry.when, entry.date)}"
    return Node("enter", "enter", text, ", ".join(notes), entry.path)


def _leaving(program: p.Program) -> Iterator[Node]:
    if program.goal is not None:
        after = program.goal_within
        note = f"also within {say(after)} after the end" if after else ""
        yield Node("goal", "goal", f"Goal: {program.goal.reason}", note, program.goal.path)
    for number, rule in enumerate(program.exits, start=1):
        said = describe(rule.when)
        detail = "" if said == rule.reason else said
        yield Node(f"exit{number}", "exit", f"Exit: {rule.reason}", detail, rule.path)


def _node(step: p.Step, usual: str) -> Node:
    kind, text, detail = said_of(step, usual)
    return Node(
        _id(step.position), kind, text, detail, step.path, step.stage, step.key, step.position
    )
