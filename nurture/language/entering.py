"""`enter`: who enters a sequence, as it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from nurture.language.condition_fields import ConditionField, EventField
from nurture.language.durations import parse_elapsed
from nurture.language.models import Elapsed, Model, reading
from nurture.language.until import Clock, DateField, WholeDays


def parse_again(text: object) -> Any:
    """`never` → None, `always` → zero, `after 90 days` → 90 days."""
    if text == "never":
        return None
    if text == "always":
        return timedelta(0)
    if isinstance(text, str) and text.startswith("after "):
        return parse_elapsed(text.removeprefix("after "))
    raise ValueError(f'{text!r} is not allowed: write never, always or "after 90 days"')


class Enter(Model):
    """Who enters: `when` an event, `segment` a standing condition, or on a `date` of the lead."""

    when: EventField | None = None
    segment: ConditionField | None = None
    date: DateField | None = None
    before: WholeDays | None = None
    after: WholeDays | None = None
    at: Clock | None = None
    once_per: str = "lead"
    again: Annotated[Any, reading("bad-duration", parse_again)] = None
    within: Elapsed | None = None
