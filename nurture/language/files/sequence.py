"""sequences/*.yaml: a nurture flow as it is written (the compiled form is `program`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, TypeAdapter, ValidationInfo, model_validator

from nurture.language.files.entering import Enter
from nurture.language.files.outside import NotifyModel, WebhookModel
from nurture.language.files.sending import SendModel
from nurture.language.files.story import Story
from nurture.language.files.update import UpdateStep
from nurture.language.files.winner import WinnerModel
from nurture.language.grammar.condition_fields import (
    ConditionField,
    EventField,
    KindField,
    Segments,
    WhereField,
    read_event,
)
from nurture.language.grammar.conditions import EventTest
from nurture.language.grammar.models import (
    Count,
    Days,
    Duration,
    Elapsed,
    Hours,
    Model,
    Name,
    Names,
    Number,
    Whole,
    check_zone,
    mapping,
    reading,
)
from nurture.language.grammar.until import UntilModel
from nurture.language.grammar.vocabulary import Known
from nurture.language.text.faults import fault


class Exit(Model):
    """Leave the sequence when this holds."""

    when: ConditionField
    reason: str = ""


class WindowModel(Model):
    """When its mails may go."""

    days: Days | None = None
    hours: Hours | None = None
    calendar: str | None = None


class LateModel(Model):
    """What happens to a mail that could not go in time."""

    send_within: Elapsed
    otherwise: Literal["skip", "shift"] = "skip"


def _lead_or_zone(value: Any) -> str:
    return check_zone(value, beside=("lead",))


class Timing(Model):
    """`zone`: `lead` (each lead's own, else the workspace's) or an IANA name."""

    zone: Annotated[str, PlainValidator(_lead_or_zone)] = "lead"
    window: WindowModel | None = None
    late: LateModel | None = None
    spread: Elapsed | None = None


class ScoreModel(Model):
    """Points for getting here."""

    points: Number
    reason: str = ""
    half_life: Elapsed | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"points": value}


class HandOffModel(Model):
    """Ask sales to take the lead; without `team` routing decides."""

    team: str | None = None
    reason: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """`hand_off: smb`; `hand_off: true` leaves the team to routing."""
        if isinstance(value, str):
            return {"team": value}
        message = 'the name of a team is expected here, "true", or a mapping with "reason"'
        return {} if value is True else mapping(value, message)


class GotoModel(Model):
    """Go on at the step with that `id`, at most so many times."""

    step: str
    at_most: Annotated[Count, Field(le=100)] = 10

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"step": value}
        return mapping(value, 'the id of a step is expected here, or a mapping with "step"')


class ArmModel(Model):
    """One way of a branch: `when` + `steps`, or last `otherwise`."""

    when: ConditionField | None = None
    steps: tuple[StepModel, ...] | None = None
    otherwise: tuple[StepModel, ...] | None = None


class SplitArmModel(Model):
    """One way of a split, and its weight against the others."""

    weight: Annotated[Number, Field(gt=0)] = 1.0
    steps: tuple[StepModel, ...] = ()


class SplitModel(Model):
    """Divide the leads by chance; `hold_out` percent of them go down no arm."""

    name: Name
    arms: dict[Name, SplitArmModel]
    hold_out: Annotated[Number, Field(gt=0, lt=100)] | None = None
    winner: WinnerModel | None = None


def _reason(value: Any) -> str:
    """`end: why`, or `end: true`."""
    if value is True:
        return ""
    if isinstance(value, str) and value:
        return value
    raise ValueError('say why it ends, as in "end: no interest shown", or write "end: true"')


class EventWayModel(Model):
    """One of several events a lead waits for, and what is done when it is the first."""

    event: KindField
    where: WhereField = ()
    same: Names = ()
    then: tuple[StepModel, ...] = ()

    @property
    def test(self) -> EventTest:
        """The event, and what it must be like."""
        return EventTest(self.event, self.where, same=self.same)


Waiting = UntilModel | Duration


def _waiting(value: Any, info: ValidationInfo) -> Any:
    """A duration, or what to wait until."""
    if isinstance(value, dict):
        return UntilModel.model_validate(value, context=info.context)
    return SPAN.validate_python(value)


SPAN = TypeAdapter(Duration)
Awaited = tuple[EventWayModel, ...] | EventField


def _awaited(value: Any, info: ValidationInfo) -> Any:
    """One event, or a list of them with their steps."""
    if value == []:
        raise fault("wrong-value", "an empty list; name at least one event")
    if isinstance(value, list):
        return WAYS.validate_python(value, context=info.context)
    return read_event(value, info)


def _used(value: Any, info: ValidationInfo) -> Any:
    """The name of a snippet, or its steps by that name where they were put in its place."""
    if isinstance(value, dict):
        return USED.validate_python(value, context=info.context)
    if not isinstance(value, str):
        raise fault("wrong-value", "the name of a snippet is expected here")
    known = info.context.snippets if isinstance(info.context, Known) else {}
    if value not in known:
        message = f'unknown snippet "{value}"'
        raise fault("unknown-snippet", message, found=value, allowed=sorted(known))
    return {value: ()}


class StepModel(Model):
    """One step: exactly one verb; `id` keeps its identity across edits."""

    id: Name | None = None
    send: SendModel | None = None
    wait: Annotated[Waiting, PlainValidator(_waiting, Waiting)] | None = None
    wait_for: Annotated[Awaited, PlainValidator(_awaited, Awaited)] | None = None
    within: Duration | None = None
    then: tuple[StepModel, ...] = ()
    otherwise: tuple[StepModel, ...] = ()
    branch: tuple[ArmModel, ...] | None = None
    split: SplitModel | None = None
    update: UpdateStep | None = None
    score: ScoreModel | None = None
    start: str | None = None
    stop: str | None = None
    goto: GotoModel | None = None
    webhook: WebhookModel | None = None
    notify: NotifyModel | None = None
    hand_off: HandOffModel | None = None
    use: Annotated[dict[str, tuple[StepModel, ...]], PlainValidator(_used, str)] | None = None
    end: Annotated[str, reading("wrong-value", _reason)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _form(cls, value: Any) -> Any:
        return mapping(value, 'a step is a mapping, as in "send: welcome"')


EventWayModel.model_rebuild()
WAYS = TypeAdapter(tuple[EventWayModel, ...])
USED = TypeAdapter(dict[str, tuple[StepModel, ...]])
Snippets = dict[Name, Annotated[tuple[StepModel, ...], Field(min_length=1)]]
"""Steps by name."""


class GateModel(Model):
    """Enter the stage only when this holds, within that time, otherwise those steps."""

    when: ConditionField
    within: Duration
    otherwise: tuple[StepModel, ...] = ()


class StageModel(Model):
    """A stage of the funnel."""

    stage: Name
    gate: GateModel | None = None
    steps: tuple[StepModel, ...]


class EditsModel(Model):
    """What becomes of leads on earlier versions when this one is applied.

    `steps` leads from a step of an earlier version to one of this, or to `exit`; a step is named
    by its `id`, else by kind, argument and number (`send:why-us#1`).
    """

    enrolled: Literal["stay", "move", "exit"] = "stay"
    steps: dict[str, str] = Field(default_factory=dict)
    reason: str = ""


class SequenceModel(Model):
    """sequences/<name>.yaml, whole."""

    sequence: Name
    description: str = ""
    topic: str | None = None
    enter: Enter
    exit: tuple[Exit, ...] = ()
    goal: ConditionField | None = None
    goal_within: Elapsed | None = None
    timing: Timing = Timing()
    with_sales: Literal["skip", "send"] = "skip"
    priority: Whole = 0
    edits: EditsModel = EditsModel()
    shadow: Annotated[bool, Field(strict=True)] = False
    segments: Segments = {}
    snippets: Snippets = {}
    stages: tuple[StageModel, ...]
    tests: tuple[Story, ...] = ()
