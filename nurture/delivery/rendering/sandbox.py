"""Templates of marketers over fields of strangers, rendered so that neither can do harm.

Only template sources are compiled, never a field.  A template sees plain data (mappings, lists,
texts, numbers, dates) and nothing behind it: no attribute of any object, no call but its own
macros, no filter that was not let in.  What it may cost is bounded (`budget`, `bounds`).  Every
failure is one `RenderFailed` whose text names template, line and reason for the one who wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from functools import cache
from types import CodeType, MethodType, TracebackType
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2 import nodes as tree
from jinja2.environment import Template as Compiled
from jinja2.environment import TemplateModule
from jinja2.loaders import DictLoader
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace, missing

from nurture.delivery.rendering.bounds import INNER, Bounds, Misuse, near
from nurture.delivery.rendering.budget import (
    LONGEST_TEXT,
    METER,
    PLAIN,
    Meter,
    Stopped,
    operated,
    printed,
    sized,
)
from nurture.delivery.rendering.words import TESTS, counted_range, known_filters
from nurture.ledger.errors import RenderFailed

_LOOP: Final = frozenset(
    [
        "index",
        "index0",
        "revindex",
        "revindex0",
        "first",
        "last",
        "length",
        "previtem",
        "nextitem",
        "depth",
        "cycle",
    ]
)
_PLAIN: Final = frozenset(PLAIN)
_KEPT = 1024  # compiled sources a sandbox keeps


class _Missing(StrictUndefined):
    """A field that is not there; using it fails and says so."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        known = map(str, self._undefined_obj) if isinstance(self._undefined_obj, dict) else ()
        return f"there is no “{self._undefined_name}” here{near(str(self._undefined_name), known)}"


class _Environment(SandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, html: bool, parts: Mapping[str, str]) -> None:
        super().__init__(
            autoescape=html,
            undefined=_Missing,
            finalize=printed,
            optimized=False,
            loader=DictLoader(dict(parts)),
            cache_size=200,
            auto_reload=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        words = known_filters()
        self.filters = {**words, **INNER}
        self.tests = dict(TESTS)
        self.globals = {"range": counted_range, "namespace": Namespace}
        self._bounds = Bounds(words, TESTS, parts)

    def _parse(self, source: str, name: str | None, filename: str | None) -> tree.Template:
        parsed = super()._parse(source, name, filename)
        self._bounds.visit(parsed)
        return parsed

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An entry of a mapping, or what loops, namespaces and imported parts show."""
        if isinstance(obj, dict):
            found = obj.get(attribute, missing)
            return self.undefined(obj=obj, name=attribute) if found is missing else found
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if isinstance(obj, Namespace | TemplateModule) and not attribute.startswith("_"):
            return getattr(obj, attribute, self.undefined(name=attribute))
        if isinstance(obj, Undefined):
            return str(obj)  # raises, naming what is not defined
        raise Stopped(f"“.{attribute}” cannot be read: what stands before it has no fields")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An entry of a mapping by key, of a list or text by position."""
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(f"there is no entry {argument} here")
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, dict):
            return obj.get(argument, self.undefined(obj=obj, name=argument))
        raise Stopped("[ ] can be read from lists and mappings only")

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A macro of the template, `super()`, or one of the few functions there are."""
        if isinstance(obj, Undefined):
            return str(obj)  # raises, naming what is not defined
        cycle = isinstance(obj, MethodType) and obj.__func__ is LoopContext.cycle
        if obj is Namespace:
            return super().call(context, obj, *args, **kwargs)
        if not (isinstance(obj, Macro | BlockReference) or obj is counted_range or cycle):
            raise Stopped("only macros can be called; values are changed with filters")
        return sized(context, super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return operated(context, operator, left, right, self.binop_table)


class Checked(dict[str, Any]):
    """Values looked through once, for several templates. Raises `RenderFailed` for objects.

    What is added later must be plain: texts that templates made, addresses of our own.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        try:
            _refuse_objects(self, 0)
        except Stopped as failure:
            raise RenderFailed(f"the values of a mail: {failure}.") from failure


class Template:
    """A compiled template. Made by `Sandbox.compile`; may be used by several threads."""

    __slots__ = ("_compiled", "_constant", "_environment", "_globals", "name")

    def __init__(self, compiled: Compiled, name: str, constant: str | None = None) -> None:
        self._compiled = compiled
        self._constant = constant
        self._environment = compiled.environment
        self._globals = dict(compiled.globals)
        self.name = name

    def render(self, values: Mapping[str, Any]) -> str:
        """The text for these values, plain data throughout. Raises `RenderFailed`."""
        if self._constant is not None:
            return self._constant
        try:
            if type(values) is not Checked:
                _refuse_objects(values, 0)
            known = {**self._globals, **values, METER: Meter()}
            context = Context(self._environment, known, self.name, self._compiled.blocks)
            pieces, size = [], 0
            for piece in self._compiled.root_render_func(context):
                size += len(piece)
                if size > LONGEST_TEXT:
                    raise Stopped(f"the text grows beyond {LONGEST_TEXT:,} characters")
                pieces.append(piece)
            return "".join(pieces)
        except Exception as failure:
            name, line = _place(failure.__traceback__, self.name)
            raise _failed(name, line, failure) from failure


class Sandbox:
    """Compiles and keeps templates: HTML ones escape what they print, text ones do not.

    `parts` are the named sources that templates may extend, include and import from.
    """

    def __init__(self, *, html: bool, parts: Mapping[str, str] | None = None) -> None:
        self._environment = _Environment(html=html, parts=parts or {})
        self._globals = self._environment.make_globals(None)
        self._kept: dict[str, CodeType] = {}

    def compile(self, source: str, *, name: str) -> Template:
        """The template of this source, compiled once. Raises `RenderFailed` with its line."""
        if len(source) > LONGEST_TEXT:
            raise RenderFailed(f"{name}: it is longer than {LONGEST_TEXT:,} characters.")
        try:
            compiled = Compiled.from_code(self._environment, self._code(source), self._globals)
            compiled.name = name
        except Exception as failure:
            raise _failed(name, _written_line(failure), failure) from failure
        # What holds no brace holds no code; a line's end at the end would be cut off.
        constant = source if "{" not in source and not source.endswith("\n") else None
        return Template(compiled, name, constant)

    def _code(self, source: str) -> CodeType:
        code = self._kept.get(source)
        if code is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            code = self._kept[source] = self._environment.compile(source)
        return code


@cache
def sandbox(*, html: bool) -> Sandbox:
    """The sandbox of this process for templates without parts.

    A source is compiled once, not once a check and once a tick.
    """
    return Sandbox(html=html)


def _refuse_objects(value: Any, depth: int) -> None:
    """Data that came as anything but plain values would let a template look behind it."""
    if type(value) in _PLAIN or isinstance(value, date | time):
        return
    if depth > 16 or not isinstance(value, dict | list | tuple):
        raise Stopped(f"it was given a {type(value).__name__} where plain data belongs")
    entries = value.values() if isinstance(value, dict) else value
    if not _PLAIN.issuperset(map(type, entries)):  # nearly always one look at all of them will do
        for entry in entries:
            if type(entry) not in _PLAIN:
                _refuse_objects(entry, depth + 1)


def _written_line(failure: Exception) -> int:
    if isinstance(failure, Misuse):
        return failure.line
    return failure.lineno if isinstance(failure, TemplateSyntaxError) else 0


def _place(trace: TracebackType | None, name: str) -> tuple[str, int]:
    """Template and line the failure came from: the innermost frame of compiled template code."""
    line = 0
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Compiled):
            name = template.name or name
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return name, line


_REASONS: Final[Mapping[type[Exception], str]] = {
    ZeroDivisionError: "it divides by zero",
    RecursionError: "it nests too deep, or a macro or part calls itself without end",
    MemoryError: "it needs too much memory",
    OverflowError: "a number is too large",
    TypeError: "two values of different kinds are compared or combined",
    ValueError: "a value does not fit what is done with it",
    SyntaxError: "it nests too deep",
}


def _failed(name: str, line: int, failure: Exception) -> RenderFailed:
    if isinstance(failure, RenderFailed):
        return failure
    if isinstance(failure, Misuse | TemplateSyntaxError):
        line = _written_line(failure) or line
    if isinstance(failure, Stopped | Misuse | UndefinedError | TemplateError):
        reason = str(getattr(failure, "message", None) or failure).rstrip(".")
    else:
        known: Callable[[type[Exception]], bool] = lambda kind: isinstance(failure, kind)  # noqa: E731
        reason = next(
            (text for kind, text in _REASONS.items() if known(kind)),
            f"it cannot be rendered ({type(failure).__name__})",
        )
    where = f"{name}, line {line}" if line else name
    return RenderFailed(f"{where}: {reason}.", line=line, reason=reason)
