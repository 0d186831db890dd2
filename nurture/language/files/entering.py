"""`enter`: who enters a sequence, as it is written and as it is compiled."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from nurture.language.grammar.condition_fields import ConditionField, EventField
from nurture.language.grammar.conditions import AnyOf
from nurture.language.grammar.durations import parse_elapsed
from nurture.language.grammar.models import Elapsed, Model, reading
from nurture.language.grammar.parsing import NOTHING
from nurture.language.grammar.terms import DateEntry, Entry
from nurture.language.grammar.until import Clock, DateField, WholeDays, minute_of


def parse_again(text: object) -> Any:
    """`never` → None, `always` → zero, `after 90 days` → 90 days."""
    if text == "never":
        return None
    if text == "always":
        return timedelta(0)
    if isinstance(text, str) and text.startswith("after "):
        return parse_elapsed(text.removeprefix("after "))
    raise ValueError(f'{text!r} is not allowed: write never, always or "after 90 days"')


NOBODY = AnyOf(())
_PER_DAY = WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]* per day$"})
ENTRY_WITHIN = timedelta(days=7)
"""An entry event that reaches us later than this enters nobody, unless `within` says otherwise."""


def parse_per_day(text: object) -> int:
    """Read `500 per day`."""
    found = re.fullmatch(r"([1-9][0-9]{0,8}) per day", str(text), re.ASCII)
    if found is None:
        raise ValueError(f'{text!r} is not a limit: write it as "500 per day"')
    return int(found[1])


class Enter(Model):
    """Who enters: `when` an event, `segment` a standing condition, on a `date` of the lead, or
    nobody by itself (`by: command`)."""

    when: EventField | None = None
    segment: ConditionField | None = None
    date: DateField | None = None
    before: WholeDays | None = None
    after: WholeDays | None = None
    at: Clock | None = None
    once_per: str = "lead"
    again: Annotated[Any, reading("bad-duration", parse_again)] = None
    within: Elapsed | None = None
    by: Literal["command"] | None = None
    at_most: Annotated[int, reading("bad-limit", parse_per_day), _PER_DAY] | None = None
    except_: ConditionField | None = Field(default=None, alias="except")


def entry_of(enter: Enter, path: str) -> Entry:
    """The entry of a program; `path` is where it stands."""
    by_event = enter.when is not None
    when = enter.when or enter.segment or (NOTHING if enter.date else None)
    when = NOBODY if enter.by else when
    if when is None:
        raise ValueError(f"{path}: neither an event nor a segment nor a date")
    date = None
    if enter.date is not None:
        days = (enter.after or 0) - (enter.before or 0)
        date = DateEntry(enter.date, days, minute_of(enter.at))
    return Entry(
        when=when,
        by_event=by_event,
        key="" if enter.once_per == "lead" else enter.once_per,
        again=enter.again,
        within=enter.within or ENTRY_WITHIN,
        path=path,
        date=date,
        at_most=enter.at_most,
        excluded=enter.except_,
        asked=enter.by is not None,
    )
