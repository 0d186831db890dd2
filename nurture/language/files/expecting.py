"""What a story expects: instants, names with a detail, and what must have come of it by now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from nurture.language.files.scoring import Lifecycle
from nurture.language.grammar.models import Model, Names, Number, reading
from nurture.language.text.faults import fault
from nurture.ledger.tables.webhooks import SETTLED

NOTHING = "none"
"""What an expectation says where there is nothing: no handoff, no stage, no deadline."""
EARLIEST, LATEST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  wall times


def parse_instant(value: Any) -> datetime:
    """Read `2026-03-02 09:00`, a wall time without a zone."""
    form = 'write it as "2026-03-02 09:00"'
    try:
        at = datetime.strptime(value, "%Y-%m-%d %H:%M")  # noqa: DTZ007
    except (TypeError, ValueError) as error:
        shown = f'"{value}"' if isinstance(value, str) and len(value) < 60 else "this"
        raise ValueError(f"{shown} is no instant; {form}") from error
    if not EARLIEST <= at < LATEST:
        raise ValueError(f'"{value}" is not within the years 2000 to 2099')
    return at


def instant(at: datetime) -> str:
    """The wall time as `parse_instant` reads it."""
    return f"{at:%Y-%m-%d %H:%M}"


def _instant_or_none(value: Any) -> datetime | None:
    return None if value == NOTHING else parse_instant(value)


Instant = Annotated[datetime, reading("bad-instant", parse_instant)]
InstantOrNone = Annotated[datetime | None, reading("bad-instant", _instant_or_none)]


@dataclass(frozen=True)
class Named:
    """A mail, notice, call or rung by name, and as detail when or to whom it went, why it did not
    go, or what became of it (None: not said)."""

    name: str
    detail: datetime | str | None = None


def _many(value: Any) -> Any:
    """One name, a list, or a mapping of names to details: always a list."""
    if isinstance(value, dict):
        return [{name: detail} for name, detail in value.items()]
    return [value] if isinstance(value, str) else value


def _named(value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    raise fault("wrong-value", "a name is expected here, or one with its detail: {welcome: …}")


def _with_instant(value: Any) -> Named:
    name, detail = _named(value)
    try:
        return Named(name, None if detail is None else parse_instant(detail))
    except ValueError as error:
        raise fault("bad-instant", str(error), found=str(detail)) from error


def _with_reason(value: Any) -> Named:
    name, detail = _named(value)
    if detail is None or isinstance(detail, str):
        return Named(name, detail)
    raise fault("wrong-value", f'the reason why "{name}" was not sent is a text')


def _with_address(value: Any) -> Named:
    name, detail = _named(value)
    if detail is None or (isinstance(detail, str) and "@" in detail):
        return Named(name, detail)
    form = f"{{{name}: bo@example.test}}"
    raise fault("wrong-value", f'whom "{name}" went to is said by address: {form}')


def _with_outcome(value: Any) -> Named:
    name, detail = _named(value)
    if detail is None or detail in SETTLED:
        return Named(name, detail)
    allowed = ", ".join(SETTLED)
    raise fault("wrong-value", f'what became of the call of "{name}" is one of {allowed}')


Went = Annotated[
    tuple[Annotated[Named, PlainValidator(_with_instant)], ...], BeforeValidator(_many)
]
NotSent = Annotated[
    tuple[Annotated[Named, PlainValidator(_with_reason)], ...], BeforeValidator(_many)
]
Told = Annotated[
    tuple[Annotated[Named, PlainValidator(_with_address)], ...], BeforeValidator(_many)
]
Called = Annotated[
    tuple[Annotated[Named, PlainValidator(_with_outcome)], ...], BeforeValidator(_many)
]
State = Literal["active", "completed", "goal", "exited", "moved", "failed", "none"]
SalesState = Literal[
    "offered", "accepted", "working", "rejected", "recycled", "won", "lost", "lapsed", "none"
]


class Expect(Model):
    """What must have come of it by now; only what is named is compared.

    `sent`, `not_sent`, `notices`, `calls` and `rungs` are about everything since the last `expect`
    that names them.
    """

    sent: Went | None = None
    not_sent: NotSent | None = None
    notices: Told | None = None
    calls: Called | None = None
    stage: str | None = None
    state: State | None = None
    goal: Annotated[bool, Field(strict=True)] | None = None
    reason: str | None = None
    waits_until: InstantOrNone = None
    sequences: Names | None = None
    score: Number | None = None
    grade: str | None = None
    lifecycle: Lifecycle | None = None
    tags: Names | None = None
    handoff: str | None = None
    rep: str | None = None
    sales: SalesState | None = None
    due: InstantOrNone = None
    rungs: Went | None = None
