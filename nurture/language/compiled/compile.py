"""A sequence as written becomes a flat program.

A stage is its `EnterStage`, its `Gate` if it has one, and its steps; the arms of a step follow the
step itself, in written order.  An arm that comes to its end goes on behind the step it belongs to.
Behind the last stage stands one closing `End`, so that every lead that gets there has a place.

A gate without `otherwise` ends the enrolment when its time is over; one whose `otherwise` comes to
its end lets the lead into the stage, as after every arm.

Paths: `sequence/stage/2`, in arms `sequence/stage/2/then/1`, `…/otherwise/1`, and for the first
arm of a branch `…/2/arm 1/1`, of a split `…/2/arm NAME/1`; a gate is `sequence/stage/gate`, its
steps `…/gate/otherwise/1`.
"""

from __future__ import annotations

from collections import ChainMap, Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nurture.language.compiled import program as p
from nurture.language.compiled.armless import armless
from nurture.language.files.entering import entry_of
from nurture.language.files.hours import window_hours
from nurture.language.files.sending import SendModel
from nurture.language.files.sequence import (
    ArmModel,
    GateModel,
    SequenceModel,
    SplitModel,
    StageModel,
    StepModel,
)
from nurture.language.files.snippets import ids
from nurture.language.files.winner import Winner
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.conditions import EventTest
from nurture.language.grammar.terms import Edits, ExitRule, Late, Window
from nurture.language.grammar.words import describe

LATE = Late(timedelta(hours=72), "skip")
"""What happens to late mail when the sequence does not say."""


@dataclass(eq=False)
class _Label:
    """A place in the program that is not known yet."""

    position: int | None = None


@dataclass
class _Compiler:
    """Emits steps in order; labels become positions at the end."""

    model: SequenceModel
    topics: Mapping[str, str]
    drafts: list[tuple[type[p.Step], dict[str, Any]]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    closing: _Label = field(default_factory=_Label)
    named: ChainMap[str, _Label] = field(default_factory=lambda: ChainMap(defaultdict(_Label)))
    """By `id`: where that step stands; in a snippet its own steps go before those outside."""
    uses: list[str] = field(default_factory=list)
    """The ids of the uses of snippets in which the steps are."""

    def emit(
        self, kind: type[p.Step], key: str, path: str, stage: str, after: _Label, **rest: Any
    ) -> None:
        values = {"key": key, "path": path, "stage": stage, "next": after, **rest}
        self.drafts.append((kind, values))

    def place(self, label: _Label) -> None:
        label.position = len(self.drafts)

    # -- stages

    def stages(self) -> None:
        for stage in self.model.stages:
            self.stage(stage, f"{self.model.sequence}/{stage.stage}")
        self.place(self.closing)
        self.emit(
            p.End, "end#closing", self.model.sequence, "", self.closing,
            reason="came to the end of the sequence",
        )  # fmt: skip

    def stage(self, model: StageModel, path: str) -> None:
        first, following = _Label(), _Label()
        self.emit(p.EnterStage, f"stage:{model.stage}", path, model.stage, first)
        self.place(first)
        if model.gate is not None:
            self.gate(model.gate, f"{path}/gate", model.stage)
        self.block(model.steps, path, model.stage, following)
        self.place(following)

    def gate(self, model: GateModel, path: str, stage: str) -> None:
        inside, otherwise = _Label(), _Label()
        self.emit(
            p.Gate, f"gate:{stage}", path, stage, inside, when=model.when, within=model.within,
            otherwise=otherwise if model.otherwise else self.closing,
        )  # fmt: skip
        self.place(otherwise)
        self.block(model.otherwise, f"{path}/otherwise", stage, inside)
        self.place(inside)

    # -- steps

    def block(self, steps: Sequence[StepModel], path: str, stage: str, after: _Label) -> None:
        """Emit steps; the last goes on to `after`."""
        for number, step in enumerate(steps, start=1):
            following = after if number == len(steps) else _Label()
            self.step(step, f"{path}/{number}", stage, following)
            if following is not after:
                self.place(following)

    def arm(self, steps: Sequence[StepModel], path: str, stage: str, after: _Label) -> _Label:
        """Where an arm begins: its own first step, or `after` when it has none."""
        if not steps:
            return after
        label = _Label()
        self.place(label)
        self.block(steps, path, stage, after)
        return label

    def key(self, step: StepModel, name: str) -> str:
        """Its id, else its name with a number; an id of a snippet used again has one too."""
        if step.id is None:
            self.seen[name] += 1
            return f"{name}#{self.seen[name]}"
        own = "/".join([*self.uses, step.id])
        self.seen[f"id:{own}"] += 1
        count = self.seen[f"id:{own}"]
        return own if count == 1 else f"{own}#{count}"

    def topic_of(self, send: SendModel) -> str:
        return send.topic or self.topics.get(send.email) or self.model.topic or ""

    def step(self, step: StepModel, path: str, stage: str, after: _Label) -> None:
        if step.id is not None:
            self.place(self.named[step.id])
        if step.wait_for is not None:
            self.wait_for(step, path, stage, after)
        elif step.branch is not None:
            self.branch(step, step.branch, path, stage, after)
        elif step.split is not None:
            self.split(step, step.split, path, stage, after)
        elif step.use is not None:
            self.use(step, step.use, path, stage, after)
        else:
            kind, name, values = armless(step, self.topic_of, self.named)
            self.emit(kind, self.key(step, name), path, stage, after, **values)

    def wait_for(self, step: StepModel, path: str, stage: str, after: _Label) -> None:
        found = step.wait_for
        if isinstance(found, EventTest):
            events = [(found, step.then, f"{path}/then")]
        else:
            events = [
                (way.test, way.then, f"{path}/wait_for/{number}/then")
                for number, way in enumerate(found or (), start=1)
            ]
        kinds = ",".join(event.kind for event, _, _ in events)
        key = self.key(step, f"wait_for:{kinds}")
        self.emit(p.WaitFor, key, path, stage, after, within=step.within)
        values = self.drafts[-1][1]
        values["ways"] = tuple(
            (event, self.arm(then, place, stage, after)) for event, then, place in events
        )
        values["otherwise"] = self.arm(step.otherwise, f"{path}/otherwise", stage, after)

    def branch(
        self, step: StepModel, arms: Sequence[ArmModel], path: str, stage: str, after: _Label
    ) -> None:
        self.emit(p.Branch, self.key(step, "branch"), path, stage, after)
        values = self.drafts[-1][1]
        found, otherwise = [], after
        for number, arm in enumerate(arms, start=1):
            if arm.when is None:
                otherwise = self.arm(arm.otherwise or (), f"{path}/otherwise", stage, after)
            else:
                start = self.arm(arm.steps or (), f"{path}/arm {number}", stage, after)
                found.append((arm.when, start))
        values |= {"arms": tuple(found), "otherwise": otherwise}

    def split(
        self, step: StepModel, model: SplitModel, path: str, stage: str, after: _Label
    ) -> None:
        hold_out = model.hold_out or 0.0
        self.emit(
            p.Split, self.key(step, f"split:{model.name}"), path, stage, after,
            name=model.name, hold_out=hold_out, winner=_winner(model),
        )  # fmt: skip
        values = self.drafts[-1][1]
        each = (100 - hold_out) / sum(arm.weight for arm in model.arms.values())
        values["arms"] = tuple(
            (name, arm.weight * each, self.arm(arm.steps, f"{path}/arm {name}", stage, after))
            for name, arm in model.arms.items()
        )

    def use(
        self, step: StepModel, snippet: Mapping[str, Sequence[StepModel]], path: str, stage: str,
        after: _Label,
    ) -> None:  # fmt: skip
        before = self.named, self.uses
        for name, steps in snippet.items():
            self.named = self.named.new_child({each: _Label() for each in ids(steps)})
            self.uses = [*self.uses, *([step.id] if step.id else [])]
            self.block(steps, f"{path}/{name}", stage, after)
        self.named, self.uses = before

    # -- the end

    def steps(self) -> tuple[p.Step, ...]:
        finished = []
        for position, (kind, values) in enumerate(self.drafts):
            known = {name: _resolve(value) for name, value in values.items()}
            if known["next"] == position:
                known["next"] = None
            finished.append(kind(position=position, **known))
        return tuple(finished)


def step_keys(model: SequenceModel) -> list[str]:
    """The keys of its steps, in program order: names under which `edits` know them."""
    compiler = _Compiler(model, {})
    compiler.stages()
    return [values["key"] for _, values in compiler.drafts]


def _winner(model: SplitModel) -> Winner | None:
    found = model.winner
    return Winner(found.by, found.after, found.confidence) if found else None


def _resolve(value: Any) -> Any:
    if isinstance(value, _Label):
        return value.position
    if isinstance(value, tuple):
        return tuple(_resolve(item) for item in value)
    return value


def compile_sequence(
    model: SequenceModel,
    workspace: Workspace,
    *,
    definition_id: int,
    topics: Mapping[str, str],
) -> p.Program:
    """The program of one version; pure.  `topics` gives the topic of each template that has one.

    Topic of a send: the step's, else the template's, else the sequence's.
    """
    compiler = _Compiler(model, topics)
    compiler.stages()
    name, timing = model.sequence, model.timing
    exits = tuple(
        ExitRule(rule.when, rule.reason or describe(rule.when), f"{name}/exit/{number}")
        for number, rule in enumerate(model.exit, start=1)
    )
    goal = ExitRule(model.goal, describe(model.goal), f"{name}/goal") if model.goal else None
    hours = window_hours(timing.window, workspace)[0] if timing.window else None
    late = timing.late
    return p.Program(
        sequence=name,
        definition_id=definition_id,
        description=model.description,
        steps=compiler.steps(),
        stages=tuple(stage.stage for stage in model.stages),
        entry=entry_of(model.enter, f"{name}/enter"),
        exits=exits,
        goal=goal,
        window=Window(hours, timing.zone),
        late=Late(late.send_within, late.otherwise) if late else LATE,
        with_sales=model.with_sales == "send",
        goal_within=model.goal_within,
        spread=timing.spread or timedelta(0),
        priority=model.priority,
        edits=Edits(
            model.edits.enrolled, tuple(model.edits.steps.items()), model.edits.reason
        ),
    )
