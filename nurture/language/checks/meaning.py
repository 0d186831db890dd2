"""Conditions that cannot do what they were written for (warnings)."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.view import File, View, steps
from nurture.language.files.sequence import GateModel, SequenceModel, StepModel
from nurture.language.grammar.conditions import Condition, EventTest
from nurture.language.grammar.logic import implies, impossible
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem


def models(view: View) -> Iterator[tuple[File, SequenceModel]]:
    for file in view.of("sequence"):
        model = view.models.get(file.path)
        if isinstance(model, SequenceModel):
            yield file, model


def warning(file: File, loc: Loc, rule: str, message: str) -> Problem:
    return file.problem(loc, rule, message, key=True, severity="warning")


def never(view: View) -> Iterator[Problem]:
    """A condition of an entry, an exit, the goal, a gate or an arm can hold."""
    for file, model in models(view):
        for loc, when in asked_in(file, model):
            if impossible(when):
                message = "this can never hold: it contradicts itself"
                yield warning(file, loc, "never-holds", message)


def asked_in(file: File, model: SequenceModel) -> Iterator[tuple[Loc, Condition]]:
    """The conditions of a sequence but those that are an event, each with its place."""
    if model.enter.segment is not None:
        yield ("enter", "segment"), model.enter.segment
    if model.enter.except_ is not None:
        yield ("enter", "except"), model.enter.except_
    if model.goal is not None:
        yield ("goal",), model.goal
    for number, rule in enumerate(model.exit):
        yield ("exit", number, "when"), rule.when
    for number, stage in enumerate(model.stages):
        if stage.gate is not None:
            yield ("stages", number, "gate", "when"), stage.gate.when
    for loc, step in _branches(file, model):
        for number, arm in enumerate(step.branch or ()):
            if arm.when is not None:
                yield (*loc, "branch", number, "when"), arm.when


def _branches(file: File, model: SequenceModel) -> Iterator[tuple[Loc, StepModel]]:
    for loc, _ in steps(file):
        step = part_of(model, loc)
        if isinstance(step, StepModel) and step.branch is not None:
            yield loc, step


def part_of(model: SequenceModel, loc: Loc) -> object:
    """The part of a model that is written at a place."""
    here: object = model
    for part in loc:
        if isinstance(part, int) and isinstance(here, tuple):
            here = here[part]
        elif isinstance(here, dict):
            here = here.get(part)
        else:
            here = getattr(here, str(part), None)
    return here


def shadowed(view: View) -> Iterator[Problem]:
    """An arm gets leads that no arm before it takes."""
    for file, model in models(view):
        for loc, step in _branches(file, model):
            before: list[tuple[int, Condition]] = []
            for number, arm in enumerate(step.branch or (), start=1):
                if arm.when is None:
                    continue
                taken = next((n for n, when in before if implies(arm.when, when)), None)
                if taken is not None:
                    message = f"never taken: whoever it holds for goes down arm {taken} before"
                    place = (*loc, "branch", number - 1, "when")
                    yield warning(file, place, "shadowed-arm", message)
                before.append((number, arm.when))


def gates(view: View) -> Iterator[Problem]:
    """Who passes a gate is still in the sequence."""
    for file, model in models(view):
        for number, stage in enumerate(model.stages):
            if stage.gate is None:
                continue
            said = _leaves(stage.gate, model)
            if said is not None:
                loc = ("stages", number, "gate", "when")
                yield warning(file, loc, "gate-leaves", f"nobody passes: {said}")


def _leaves(gate: GateModel, model: SequenceModel) -> str | None:
    for number, rule in enumerate(model.exit, start=1):
        if not isinstance(rule.when, EventTest) and implies(gate.when, rule.when):
            return f"whoever it holds for leaves by exit {number}"
    goal = model.goal
    if goal is not None and not isinstance(goal, EventTest) and implies(gate.when, goal):
        return "whoever it holds for has reached the goal"
    return None


def excluded(view: View) -> Iterator[Problem]:
    """Somebody of a segment may enter."""
    for file, model in models(view):
        segment, kept_out = model.enter.segment, model.enter.except_
        if segment is not None and kept_out is not None and implies(segment, kept_out):
            message = "nobody enters: whoever is in the segment is kept out"
            yield warning(file, ("enter", "except"), "gate-leaves", message)


def rivals(view: View) -> Iterator[Problem]:
    """Two sequences do not mail the same leads for the same reason."""
    seen: list[tuple[str, Condition]] = []
    for file, model in sorted(models(view), key=lambda each: each[1].sequence):
        entry: Condition | None = model.enter.when or model.enter.segment
        if entry is None or not any("send" in step.entries for _, step in steps(file)):
            continue
        other = next((name for name, when in seen if when == entry), None)
        if other is not None:
            place = "when" if model.enter.when is not None else "segment"
            message = f"lets in the very leads {other} lets in: they get the mails of both"
            yield warning(file, ("enter", place), "same-entry", message)
        seen.append((model.sequence, entry))


CHECKS = (never, shadowed, gates, excluded, rivals)
