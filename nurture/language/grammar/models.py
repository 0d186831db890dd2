"""What all YAML models share: frozen, strict about keys, with readable scalar types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from nurture.calendar.errors import ZoneUnknown
from nurture.calendar.hours import parse_days, parse_hours
from nurture.calendar.nearest import nearest
from nurture.calendar.zones import zone, zone_names
from nurture.language.grammar.conditions import Value
from nurture.language.grammar.durations import Span, parse_elapsed, parse_span
from nurture.language.text.faults import fault
from nurture.ledger.address import normal_address
from nurture.ledger.errors import InputRefused


class Model(BaseModel):
    """A part of a definition: nothing may be added, nothing changed after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True
    )


def reading(rule: str, parser: Callable[[Any], Any]) -> PlainValidator:
    """A validator that reads a scalar with `parser`, as `read_by` does."""
    return PlainValidator(lambda value: read_by(rule, parser, value))


def read_by(rule: str, parser: Callable[[Any], Any], value: Any) -> Any:
    """What `parser` makes of a scalar; what it refuses is a problem of `rule`.

    The error may say by `found` and `allowed` which word is wrong and which would be right.
    """
    try:
        return parser(value)
    except (ValueError, InputRefused) as error:
        plain = str(value) if isinstance(value, str | int | float) else ""
        found, allowed = getattr(error, "found", plain), getattr(error, "allowed", ())
        raise fault(rule, str(error), found=found, allowed=allowed) from error


def mapping(value: Any, message: str) -> Any:
    """The value if it is a mapping or nothing at all; else a problem that says what is expected."""
    if isinstance(value, dict | Model) or value is None:
        return value
    raise fault("wrong-value", message, found=value if isinstance(value, str) else "")


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _name(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        return value
    message = f"{_shown(value)} is no name: lower case letters, digits, - and _, 64 at most"
    found = value if isinstance(value, str) else ""
    near = re.sub(r"[^a-z0-9_]+", "-", found.lower()).strip("-_")[:64]
    raise fault("bad-name", message, found=found, allowed=(near,) if near else ())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str | int | float) else "this"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a number is expected, not {_shown(value)}")
    return float(value)


def whole(value: Any) -> int:
    """A whole number as it is written in YAML; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1_000_000_000:
        raise ValueError(f"a whole number is expected, not {_shown(value)}")
    return value


def _value(value: Any) -> Value:
    if isinstance(value, str | int | float | bool):
        return value
    raise ValueError("a plain value is expected: a text, a number, true or false")


def _days(value: Any) -> str | tuple[str, ...]:
    parse_days(value)
    return tuple(value) if isinstance(value, list) else str(value)


def _hours(value: Any) -> str:
    parse_hours(value)
    return value if isinstance(value, str) else ", ".join(value)


def check_zone(value: Any, *, beside: Sequence[str] = ()) -> str:
    """The IANA name of a zone, or a word `beside`; another one is a problem, nearest named."""
    if value in beside:
        return str(value)
    try:
        zone(value if isinstance(value, str) else "")
    except ZoneUnknown as error:
        near = nearest(str(value), [*beside, *zone_names()], 3)
        words = "".join(f'"{word}" or ' for word in beside)
        message = f"there is no time zone {_shown(value)}; write {words}one as in Europe/Berlin"
        raise fault("unknown-zone", message, found=str(value), allowed=near) from error
    return str(value)


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise ValueError(f'{_shown(value)} is no date; write it as "2026-12-24"') from error


def _address(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a mail address is expected, not {_shown(value)}")
    normal_address(value)
    return value


def _url(value: Any) -> str:
    parts = web_address(value)
    if parts is None or parts.query:
        raise ValueError(
            f"{_shown(value)} is no address of ours; write it as https://mail.example.test"
        )
    return str(value)


def web_address(value: Any) -> SplitResult | None:
    """An address of http or https taken apart; None for anything else, one with a user, or with a
    fragment."""
    if not isinstance(value, str) or re.search(r"[^!-~]|[<>\"{}|\\^`]", value):
        return None
    try:
        parts = urlsplit(value)
        usable = parts.port != 0 and bool(parts.hostname) and parts.username is None
    except ValueError:  # a port or an IPv6 address that is none
        return None
    return parts if usable and parts.scheme in ("http", "https") and not parts.fragment else None


_TEXT = {"type": "string"}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_UNITS = "(second|minute|hour|day|week)s?$"


def _like(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Name = Annotated[str, PlainValidator(_name), _like("^[a-z0-9][a-z0-9_-]{0,63}$")]
"""A name in the workspace: lower case letters, digits, - and _."""

Duration = Annotated[
    Span,
    reading("bad-duration", parse_span),
    _like(rf"^\d+(\.\d+)? (business )?{_UNITS}", "2 days", "4 business hours"),
]
Elapsed = Annotated[
    timedelta,
    reading("bad-duration", parse_elapsed),
    _like(rf"^\d+(\.\d+)? {_UNITS}", "2 days", "72 hours"),
]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), WithJsonSchema(_TEXTS)]
"""One text or a list of them."""

Number = Annotated[float, reading("wrong-value", _number), WithJsonSchema({"type": "number"})]
Whole = Annotated[int, reading("wrong-value", whole), WithJsonSchema({"type": "integer"})]
Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
Plain = Annotated[
    Value,
    reading("wrong-value", _value),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Days = Annotated[str | tuple[str, ...], reading("bad-days", _days), WithJsonSchema(_TEXTS)]
Hours = Annotated[str, reading("bad-hours", _hours), WithJsonSchema(_TEXTS)]
Zone = Annotated[str, PlainValidator(check_zone), WithJsonSchema(_TEXT)]
Day = Annotated[str, reading("bad-date", _date), _like(r"^\d{4}-\d\d-\d\d$", "2026-12-24")]
Address = Annotated[str, reading("bad-address", _address), WithJsonSchema(_TEXT)]
Url = Annotated[str, reading("bad-url", _url), WithJsonSchema(_TEXT)]
