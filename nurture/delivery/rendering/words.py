"""The filters and tests a template may use, each bounded in what it makes.

Those that read attributes, format, pad, or repeat are left out; `default` counts None and the empty
text as missing, as people who write mails expect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.filters import FILTERS as STOCK
from jinja2.runtime import Context, Undefined
from jinja2.tests import TESTS as STOCK_TESTS
from markupsafe import escape

from nurture.delivery.rendering.budget import (
    LONGEST_TEXT,
    Stopped,
    joined,
    meter_of,
    printed,
    sized,
)

_ALONE = [
    "abs",
    "capitalize",
    "count",
    "escape",
    "e",
    "first",
    "float",
    "int",
    "last",
    "length",
    "list",
    "lower",
    "reverse",
    "sort",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
    "title",
    "min",
    "max",
    "sum",
    "dictsort",
    "items",
]
_TESTS = [
    "boolean",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
]
_DATE_LETTERS = frozenset("aAbBdeHIjmMpSyY-%")

TESTS: Final = {name: STOCK_TESTS[name] for name in _TESTS}


def _metered(stock: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of the library behind the budget; it gets what it asks for as first argument."""
    passed = getattr(stock, "jinja_pass_arg", None)
    kind = passed.name if passed is not None else ""

    @pass_context
    def apply(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        sized(context, value)
        extra: tuple[Any, ...] = ()
        if kind == "context":
            extra = (context,)
        elif kind == "eval_context":
            extra = (context.eval_ctx,)
        elif kind == "environment":
            extra = (context.environment,)
        if kwargs.get("attribute") is not None:
            raise Stopped("filters cannot look into entries by attribute")
        result = stock(*extra, value, *args, **kwargs)
        if hasattr(result, "__next__"):  # some filters answer with generators
            result = list(result)
        return sized(context, result)

    return apply


def default(value: Any, instead: Any = "", _boolean: bool = True) -> Any:
    """`instead` for what is not there, None or empty; False and 0 stay."""
    if isinstance(value, Undefined) or value is None or value == "":
        return instead
    return value


@pass_context
def replace(context: Context, text: Any, old: str, new: str) -> Any:
    """`old` by `new` in a text, everywhere."""
    text = escape(text) if hasattr(text, "__html__") else str(printed(context, text))
    if not old or len(text) + text.count(old) * len(new) > LONGEST_TEXT:
        raise Stopped("replace would make the text too long")
    return sized(context, text.replace(old, new))


@pass_context
def join(context: Context, items: Any, between: str = "") -> str:
    """The entries as one text."""
    entries = list(sized(context, items))
    parts: list[Any] = []
    for entry in entries:
        parts += [between, entry] if parts else [entry]
    if sum(len(part) if isinstance(part, str) else 32 for part in parts) > LONGEST_TEXT:
        raise Stopped("join would make the text too long")
    if context.eval_ctx.autoescape:
        parts = [escape(printed(context, part)) for part in parts]
    return joined(context, parts)


@pass_context
def urlencode(context: Context, value: Any) -> str:
    """A single value as part of a URL: everything but letters, digits and `_.-~/` encoded."""
    encoded: str = sized(context, quote(str(printed(context, value))))
    return encoded


def round_to(value: Any, precision: int = 0) -> float:
    """Rounded half to even, to at most ten places."""
    return round(float(value), max(0, min(int(precision), 10)))


@pass_context
def lines(context: Context, text: Any) -> Any:
    """Line breaks as `<br>`, in HTML; the text itself escaped."""
    shown = escape(printed(context, text))
    return sized(context, shown.replace("\n", escape("") + _BREAK))


_BREAK: Final = type(escape(""))("<br>\n")


def on(value: Any, pattern: str = "%-d %B %Y") -> str:
    """A date or time by a pattern of plain `%` letters; no widths."""
    if not isinstance(value, date | datetime | time):
        raise Stopped("date takes a date")
    for piece in pattern[:100].replace("%%", "").split("%")[1:]:
        if not piece or piece[0] not in _DATE_LETTERS:
            raise Stopped("date does not know this pattern; %d %B %Y is one it knows")
        if piece[0] == "-" and piece[1:2] not in _DATE_LETTERS:
            raise Stopped("date does not know this pattern; %d %B %Y is one it knows")
    return value.strftime(pattern[:100])


def known_filters() -> Mapping[str, Callable[..., Any]]:
    """All filters by name."""
    found: dict[str, Callable[..., Any]] = {name: _metered(STOCK[name]) for name in _ALONE}
    found |= {
        "default": default,
        "d": default,
        "replace": replace,
        "join": join,
        "urlencode": urlencode,
    }
    found |= {"round": round_to, "nl2br": lines, "date": on}
    return found


@pass_context
def counted_range(context: Context, *bounds: int) -> range:
    """`range`, paid when it is made and no longer than a list may be."""
    made = range(*bounds)
    if len(made) > 10_000:
        raise Stopped("range is longer than 10,000")
    meter_of(context).pay(1)
    return made
