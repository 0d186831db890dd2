"""What one rendering may cost, counted while it runs.

Time and memory cannot be limited inside a thread, so work is: every body of a template that may
run more than once (a loop's, a macro's, a block's) pays for its own length when it is entered,
every printed value and every result of a filter for its size.  A budget that is spent ends the
rendering; what a template of ordinary size needs is a hundredth of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from jinja2 import nodes, pass_context
from jinja2.runtime import Context, Macro, Undefined
from markupsafe import Markup

BUDGET: Final = 1_000_000
"""Units of one rendering: about one for a node of the template, one for a printed character."""
LONGEST_TEXT: Final = 256 * 1024
LONGEST_LIST: Final = 10_000
LARGEST_NUMBER: Final = 10**18

PLAIN: Final = (str, Markup, int, float, bool, Decimal, date, time, type(None))
METER: Final = "\0meter"
"""The budget's name among the values of a rendering: no template can spell it."""


class Stopped(Exception):
    """A limit of rendering was met; the text says which, for the author of the template."""


class Meter:
    """The budget of one rendering."""

    __slots__ = ("left",)

    def __init__(self, units: int = BUDGET) -> None:
        self.left = units

    def pay(self, units: int) -> None:
        """Raises `Stopped` when more is asked than is left."""
        self.left -= units
        if self.left < 0:
            raise Stopped("it runs too long: a loop or a macro repeats too often")


def meter_of(context: Context) -> Meter:
    meter: Meter = context.parent[METER]
    return meter


def weight(body: list[nodes.Node]) -> int:
    """What entering `body` costs: its nodes and the characters it prints as they stand."""
    cost = 1
    for part in body:
        stack = [part]
        while stack:
            node = stack.pop()
            cost += 1
            if isinstance(node, nodes.TemplateData):
                cost += len(node.data)
            stack.extend(node.iter_child_nodes())
    return cost


@pass_context
def paid(context: Context, units: int) -> bool:
    """True, and `units` fewer are left."""
    meter_of(context).pay(units)
    return True


@pass_context
def printed(context: Context, value: Any) -> Any:
    """A value on its way into the text: a single one, paid by its length; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is not defined
    if type(value) not in PLAIN and not isinstance(value, date | time):
        raise Stopped(f"a {_kind(value)} cannot be printed; print one of its entries")
    if type(value) is int and abs(value) > LARGEST_NUMBER:
        raise Stopped("a number is too large")
    meter_of(context).pay(8 + (len(value) if isinstance(value, str) else 32))
    return value


@pass_context
def flat(context: Context, items: list[Any]) -> list[Any]:
    """A list written in a template, of single values only: nothing nests, so nothing explodes."""
    meter_of(context).pay(len(items))
    if not all(type(item) in PLAIN or isinstance(item, date | time) for item in items):
        raise Stopped("a list written in a template may hold single values only")
    return items


@pass_context
def flat_mapping(context: Context, items: dict[Any, Any]) -> dict[Any, Any]:
    """As `flat`, for a mapping."""
    flat(context, list(items.values()))
    return items


@pass_context
def joined(context: Context, items: list[Any]) -> str:
    """What `~` makes of its operands: escaped where one of them is."""
    texts = [printed(context, item) for item in items]
    if any(isinstance(text, Markup) for text in texts):
        text: str = sized(context, Markup("").join(texts))
    else:
        text = sized(context, "".join(str(piece) for piece in texts))
    return text


def sized(context: Context, value: Any) -> Any:
    """A value going into or out of a filter, if it is data, and of a size a mail could need."""
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is not defined
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise Stopped(f"a text grows beyond {LONGEST_TEXT:,} characters")
        meter_of(context).pay(1 + len(value) // 16)
    elif isinstance(value, list | tuple | dict):
        if len(value) > LONGEST_LIST:
            raise Stopped(f"a list grows beyond {LONGEST_LIST:,} entries")
        meter_of(context).pay(1 + len(value))
    elif type(value) not in PLAIN and not isinstance(value, date | time | range):
        raise Stopped(f"a {_kind(value)} cannot stand here")
    return value


def operated(
    context: Context, operator: str, left: Any, right: Any, table: Mapping[str, Callable[..., Any]]
) -> Any:
    """`left operator right`: numbers of everyday size, texts joined or repeated, lists joined."""
    meter_of(context).pay(1)
    numbers = isinstance(left, int | float | Decimal) and isinstance(right, int | float | Decimal)
    if operator == "**" and not (numbers and abs(left) <= 10**6 and 0 <= right <= 9):
        raise Stopped("** takes small numbers only")
    if numbers:
        if abs(left) > LARGEST_NUMBER or abs(right) > LARGEST_NUMBER:
            raise Stopped("a number is too large")
        return table[operator](left, right)
    if operator == "+" and type(left) is type(right) and isinstance(left, str | list):
        if len(left) + len(right) > LONGEST_TEXT:
            raise Stopped(f"a text grows beyond {LONGEST_TEXT:,} characters")
        return sized(context, left + right)
    if operator == "*" and isinstance(left, str) and isinstance(right, int):
        if len(left) * right > LONGEST_TEXT:
            raise Stopped(f"a text grows beyond {LONGEST_TEXT:,} characters")
        return sized(context, left * right)
    if operator == "-" and isinstance(left, date | time) and type(left) is type(right):
        return table[operator](left, right)
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return str(left) + str(right)  # raises, naming what is not defined
    raise Stopped(f"{_kind(left)} {operator} {_kind(right)} means nothing here")


def _kind(value: Any) -> str:
    names = {str: "text", Markup: "text", int: "number", float: "number", list: "list"}
    if isinstance(value, Macro):
        return "macro without its brackets ()"
    return names.get(type(value), "mapping" if isinstance(value, dict) else "value of this kind")
