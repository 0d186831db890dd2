"""Waiting until a time of day, a weekday, a day that stands in a field of the lead, or a day or
instant that stands in the event that let the lead in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, ValidationInfo, model_validator

from nurture.language.grammar.durations import parse_elapsed
from nurture.language.grammar.models import Model, read_by, reading
from nurture.language.grammar.vocabulary import LENIENT, Known
from nurture.language.text.faults import fault

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def minute_of(text: object) -> int | None:
    """Minutes past midnight of `"09:00"`, None for anything else."""
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    return int(found[1]) * 60 + int(found[2]) if found else None


def _clock(value: Any) -> str:
    if minute_of(value) is None:
        raise ValueError('a time of day is expected here, as in "09:00"')
    return str(value)


def signed(value: Any) -> timedelta:
    """`30 days`, `-2 hours`; raises ValueError."""
    back = isinstance(value, str) and value.startswith("-")
    return parse_elapsed(value[1:]) * -1 if back else parse_elapsed(value)


def whole_days(value: Any) -> int:
    """`30 days`, `-2 weeks`, as days; raises ValueError."""
    span = signed(value)
    if span % timedelta(days=1):
        raise ValueError(f'"{value}": whole days are meant here, as in "-30 days"')
    return span.days


def _forward(value: Any) -> int:
    days = whole_days(value)
    if days < 0:
        raise ValueError(f'"{value}": write the days without a minus')
    return days


def date_field(value: Any, info: ValidationInfo) -> str:
    """The name of a field of dates; another one is a problem, nearest named."""
    return _named(value, info, (), "a field of dates")


def _named(value: Any, info: ValidationInfo, words: tuple[str, ...], what: str) -> str:
    known = info.context if isinstance(info.context, Known) else LENIENT
    name = value.removeprefix("attr.") if isinstance(value, str) else ""
    dates = [field for field, kind in known.fields.items() if kind == "date"]
    if value in words or (minute_of(value) is not None and words):
        return str(value)
    if not name or (known.strict and name not in dates):
        found = str(value) if isinstance(value, str | int | float) else ""
        message = f'"{found}" is not {what}' if found else f"{what} is expected here"
        raise fault("unknown-field", message, found=found, allowed=[*words, *dates])
    return name


def _until(value: Any, info: ValidationInfo) -> str:
    if "of" in info.data and info.data["of"] is not None:
        if isinstance(value, str) and value:
            return value
        raise fault("wrong-value", "the name of a property of the event is expected here")
    return _named(value, info, WEEKDAYS, 'a time ("09:00"), a weekday or a field of dates')


def _offset(value: Any, info: ValidationInfo) -> timedelta:
    """So long before or after: whole days of a date of the lead, anything of the event's."""
    if info.data.get("of") is None:
        return timedelta(days=read_by("bad-duration", whole_days, value))
    away: timedelta = read_by("bad-duration", signed, value)
    return away


Clock = Annotated[str, reading("bad-hours", _clock)]
"""A time of day, quoted."""

WholeDays = Annotated[int, reading("bad-duration", _forward)]
"""Whole days."""

DateField = Annotated[str, PlainValidator(date_field)]


class UntilModel(Model):
    """`wait: {until: monday, at: "09:00"}`; `of: event` makes `until` a property of the event that
    let the lead in."""

    of: Literal["event"] | None = None
    until: Annotated[str, PlainValidator(_until)]
    at: Clock | None = None
    offset: Annotated[timedelta, PlainValidator(_offset)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> UntilModel:
        if self.of is not None:
            return self
        if self.at is not None and minute_of(self.until) is not None:
            raise fault("step-form", '"at" belongs to a weekday or a date; a time says it itself')
        if self.offset is not None and self.field == "":
            raise fault("step-form", '"offset" belongs to a date')
        return self

    @property
    def weekday(self) -> int | None:
        """0 for Monday; None when it is about something else."""
        if self.of is not None or self.until not in WEEKDAYS:
            return None
        return WEEKDAYS.index(self.until)

    @property
    def minute(self) -> int | None:
        """Minutes past midnight; None when nothing is said of a time."""
        return minute_of(self.at or ("" if self.of else self.until))

    @property
    def field(self) -> str:
        """The field of the lead, or the property of the event, the date stands in; '' for none."""
        if self.of is not None:
            return self.until
        about = minute_of(self.until) is not None or self.until in WEEKDAYS
        return "" if about else self.until
