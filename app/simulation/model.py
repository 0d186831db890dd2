"""simulation.yaml: who the made-up leads are, and how leads, sales and other systems
behave."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Annotated, Any

from pydantic import Field, PlainValidator, model_validator

from nurture.language.grammar.condition_fields import KindField
from nurture.language.grammar.models import Elapsed, Model, Name, Names, Number, Plain, reading
from nurture.language.text.faults import Faults, fault

Value = str | int | float | bool


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely as its weight says."""

    values: tuple[Value, ...]
    weights: tuple[float, ...]

    def pick(self, drawn: float) -> Value:
        """The value a number in [0, 1) stands for."""
        upto = list(accumulate(self.weights))
        return self.values[min(bisect_right(upto, drawn * upto[-1]), len(upto) - 1)]


@dataclass(frozen=True)
class Span:
    """One of the whole numbers from `first` to `last`, all equally likely."""

    first: int
    last: int

    def pick(self, drawn: float) -> Value:
        """The number that a number in [0, 1) stands for."""
        return self.first + int(drawn * (self.last - self.first + 1))


def _choice(value: Any) -> Choice | Span:
    faults = Faults()
    found: Choice | Span = Choice(("",), (1.0,))
    if isinstance(value, dict) and "between" in value:
        found = _between(value, faults)
    elif isinstance(value, dict):
        found = _weighed(value, faults)
    else:
        listed = value if isinstance(value, list) else [value]
        for place, each in enumerate(listed):
            if not isinstance(each, Value):
                faults.add((place,), "wrong-value", "a plain value is expected here")
        if not listed:
            faults.add((), "wrong-value", "an empty list; at least one value is needed here")
        found = Choice(tuple(listed), (1.0,) * len(listed))
    faults.settle()
    return found


def _between(value: dict[str, Any], faults: Faults) -> Span:
    ends = value["between"]
    for key in value:
        if key != "between":
            faults.add((key,), "unknown-key", f'"{key}" cannot stand beside "between"')
    whole = isinstance(ends, list) and all(type(each) is int for each in ends)
    if whole and len(ends) == 2 and ends[0] <= ends[1]:
        return Span(*ends)
    faults.add(("between",), "wrong-value", "two whole numbers are expected here, as in [5, 500]")
    return Span(0, 0)


def _weighed(value: dict[str, Any], faults: Faults) -> Choice:
    for name, weight in value.items():
        known = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (known and 0 < weight < math.inf):
            faults.add((name,), "wrong-value", f'the weight of "{name}" must be above 0')
    return Choice(tuple(value), tuple(value.values()))


def _share(value: Any) -> float:
    """Read `40%` as 0.4."""
    if isinstance(value, str) and value.endswith("%"):
        try:
            share = float(value[:-1]) / 100
        except ValueError:
            share = -1.0
        if 0 <= share <= 1:
            return share
    raise ValueError(f'"{value}" is no share: write it as 40%, from 0% to 100%')


Share = Annotated[float, reading("bad-share", _share)]
Some = Annotated[Number, Field(gt=0)]
Chosen = Annotated[Choice | Span, PlainValidator(_choice)]


class Deed(Model):
    """An engagement: its kind and its properties."""

    event: KindField
    with_: dict[str, Plain] = Field(default={}, alias="with")


class Habit(Deed):
    """What leads do again and again: so many times a day on average, from their arrival on."""

    per_day: Some
    for_: Elapsed | None = Field(default=None, alias="for")


class Group(Model):
    """Made-up leads of one sort: their share of the cohort, their fields, what they do.

    They arrive evenly over the time `arrive` from the beginning on, at once without it, and do
    what stands under `first` as they arrive.
    """

    group: Name
    weight: Some = 1.0
    fields: dict[str, Chosen] = {}
    arrive: Elapsed | None = None
    first: tuple[Deed, ...] = ()
    events: tuple[Habit, ...] = ()


class Rates(Model):
    """What leads do with a mail, as shares of the mails sent; `after` is the mean delay."""

    open: Share | None = None
    click: Share | None = None
    reply: Share | None = None
    unsubscribe: Share | None = None
    after: Elapsed | None = None


class Mail(Rates):
    """The rates of every mail, and under `of` what differs for single ones."""

    of: dict[str, Rates] = {}

    def rates(self, template: str) -> Rates:
        """The rates of one mail."""
        own = self.of.get(template)
        said = self.model_dump(exclude={"of"})
        return Rates.model_construct(**said | (own.model_dump(exclude_none=True) if own else {}))


class Sales(Model):
    """How reps answer an offer: the shares that accept and that reject it; of the rest nobody
    hears.

    `after` is the mean delay, in the rep's working time; `touch` the share of the accepted that
    are called, `touch_after` how long that takes; `won` and `lost` the shares of those called,
    `close_after` how long it takes until then.
    """

    accept: Share = 0.85
    reject: Share = 0.1
    reasons: Names = ("not a fit",)
    after: Elapsed = timedelta(hours=1)
    touch: Share = 0.9
    touch_after: Elapsed = timedelta(hours=3)
    won: Share = 0.2
    lost: Share = 0.5
    close_after: Elapsed = timedelta(hours=40)

    @model_validator(mode="after")
    def _shares_add_up(self) -> Sales:
        for one, other in (("accept", "reject"), ("won", "lost")):
            if getattr(self, one) + getattr(self, other) > 1 + 1e-9:
                raise fault("bad-share", f'"{one}" and "{other}" are more than 100% together')
        return self


class Answers(Model):
    """How another system answers to calls: the share it refuses; what it says to the others."""

    failed: Share = 0.0
    answer: dict[str, Chosen] = {}


class Simulation(Model):
    """simulation.yaml, whole."""

    leads: tuple[Group, ...] = ()
    events: tuple[Habit, ...] = ()
    mail: Mail = Mail()
    sales: Sales | None = None
    webhooks: dict[str, Answers] = {}
