"""Waiting until a time of day, a weekday, or a day that stands in a field of the lead."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, model_validator

from nurture.language.durations import parse_elapsed
from nurture.language.faults import fault
from nurture.language.models import Model, reading
from nurture.language.vocabulary import LENIENT, Known

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


def whole_days(value: Any) -> int:
    """`30 days`, `-2 weeks`, as days; raises ValueError."""
    back = isinstance(value, str) and value.startswith("-")
    span = parse_elapsed(value[1:] if back else value)
    if span % timedelta(days=1):
        raise ValueError(f'"{value}": whole days are meant here, as in "-30 days"')
    return span.days * (-1 if back else 1)


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
    return _named(value, info, WEEKDAYS, 'a time ("09:00"), a weekday or a field of dates')


Clock = Annotated[str, reading("bad-hours", _clock)]
"""A time of day, quoted."""

DaysAway = Annotated[int, reading("bad-duration", whole_days)]
"""Whole days, before with a minus."""

WholeDays = Annotated[int, reading("bad-duration", _forward)]
"""Whole days."""

DateField = Annotated[str, PlainValidator(date_field)]


class UntilModel(Model):
    """`wait: {until: monday, at: "09:00"}`."""

    until: Annotated[str, PlainValidator(_until)]
    at: Clock | None = None
    offset: DaysAway | None = None

    @model_validator(mode="after")
    def _fits(self) -> UntilModel:
        if self.at is not None and minute_of(self.until) is not None:
            raise fault("step-form", '"at" belongs to a weekday or a date; a time says it itself')
        if self.offset is not None and self.field == "":
            raise fault("step-form", '"offset" belongs to a date')
        return self

    @property
    def weekday(self) -> int | None:
        """0 for Monday; None when it is about something else."""
        return WEEKDAYS.index(self.until) if self.until in WEEKDAYS else None

    @property
    def minute(self) -> int | None:
        """Minutes past midnight; None when nothing is said of a time."""
        return minute_of(self.at or self.until)

    @property
    def field(self) -> str:
        """The field the date stands in, '' for none."""
        about = minute_of(self.until) is not None or self.until in WEEKDAYS
        return "" if about else self.until
