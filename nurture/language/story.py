"""`tests:` of a sequence: stories of one lead, what happens to it and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from nurture.language.condition_fields import KindField
from nurture.language.faults import Faults, fault
from nurture.language.models import Address, Count, Model, Names, Number, Plain, Zone, reading
from nurture.language.scoring import Lifecycle
from nurture.language.update import UpdateModel
from nurture.ledger.tables.webhooks import SETTLED

NOTHING = "none"
"""What an expectation says where there is nothing: no handoff, no stage, no deadline."""
LONGEST = timedelta(days=3 * 366)
"""How long a story may be: a clock that jumps from one thing due to the next has to come to its
end while somebody waits."""
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


Answer = Literal[
    "accept", "touch", "reject", "recycle", "give", "meeting", "opportunity", "won", "lost"
]
BESIDE: Mapping[str, tuple[str, ...]] = {
    "event": ("with", "times"),
    "update": (),
    "enter": ("key",),
    "sales": ("by", "how", "reason", "to", "amount"),
    "expect": (),
}
"""The verbs of a story, and the keys that may stand beside each."""
WANTED: Mapping[str, str] = {"give": "to", "reject": "reason", "recycle": "reason",
                             "lost": "reason"}  # fmt: skip
"""By answer of sales: the key that has to stand beside it."""
ONLY: Mapping[str, tuple[str, ...]] = {
    "to": ("give",),
    "how": ("touch",),
    "reason": ("reject", "recycle", "meeting", "opportunity", "won", "lost"),
    "amount": ("opportunity", "won"),
}
"""By key beside `sales`: the answers it belongs to."""


class Deed(Model):
    """What happens at an instant, or what is expected: exactly one of `BESIDE`."""

    event: KindField | None = None
    with_: dict[str, Plain] = Field(default={}, alias="with")
    times: Annotated[Count, Field(le=1000)] = 1
    update: UpdateModel | None = None
    enter: Literal[True] | None = None
    key: str = ""
    sales: Answer | None = None
    by: str = ""
    how: str = ""
    reason: str = ""
    to: str = ""
    amount: Number | None = None
    expect: Expect | None = None

    @property
    def verb(self) -> str:
        """`event`, `update`, `enter`, `sales` or `expect`."""
        return next(verb for verb in BESIDE if getattr(self, verb) is not None)


class StoryLead(Model):
    """The lead of a story: standard fields, own fields (`own`), tags, topics, lifecycle."""

    model_config = ConfigDict(extra="allow", frozen=True)

    email: Address | None = None
    external_id: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    job_title: str = ""
    phone: str = ""
    country: str = ""
    language: str = ""
    timezone: Zone | None = None
    lifecycle: Lifecycle | None = None
    tags: Names = ()
    topics: dict[str, Literal["subscribed", "unsubscribed"]] = {}

    @property
    def own(self) -> dict[str, Any]:
        """The workspace's own fields by name."""
        extra = self.__pydantic_extra__ or {}
        return {name.removeprefix("attr."): value for name, value in extra.items()}


Entry = dict[Instant, Deed]
"""`{"2026-03-02 09:00": …}`: an instant and what happens."""


def _one(entry: Entry) -> Entry:
    if len(entry) == 1:
        return entry
    raise fault("story-form", 'an entry is one instant with one thing: "2026-03-02 09:00": {…}')


def _in_order(story: tuple[Entry, ...]) -> tuple[Entry, ...]:
    faults = Faults()
    if not story:
        faults.add((), "wrong-value", "an empty story; write what happens, and what is expected")
    times = [next(iter(entry)) for entry in story]
    for number in range(1, len(times)):
        if times[number] < times[number - 1]:
            said = f'"{instant(times[number])}" is before the entry above it'
            faults.add((number, instant(times[number])), "story-order", said)
    if times and max(times) - min(times) > LONGEST:
        faults.add((), "story-order", f"a story lasts at most {LONGEST.days:,} days")
    faults.settle()
    return story


OUTCOMES: Mapping[str, int] = {"done": 200, "failed": 400}
"""Words for what becomes of a call at its first try, and a status that means it."""


def _status(value: Any) -> int:
    if isinstance(value, str) and value in OUTCOMES:
        return OUTCOMES[value]
    if not isinstance(value, bool) and (value == 0 or value in range(200, 600)):
        return int(value)
    raise ValueError(
        "done, failed or an HTTP status such as 200 or 503 is expected here; 0 is no answer"
    )


STATUS: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"enum": list(OUTCOMES)}]}


class AnswerModel(Model):
    """What another system answers to every call of the story."""

    status: Annotated[int, reading("wrong-value", _status), WithJsonSchema(STATUS)]
    answer: dict[str, Plain] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Model) else {"status": value}


class Story(Model):
    """One story: a name, its lead, and what happens in the lead's wall time.

    Every call of a webhook is answered with 200, unless `webhooks` says otherwise.
    """

    name: str
    lead: StoryLead = StoryLead()
    webhooks: dict[str, AnswerModel] = {}
    story: Annotated[tuple[Annotated[Entry, AfterValidator(_one)], ...], AfterValidator(_in_order)]

    @property
    def entries(self) -> tuple[tuple[datetime, Deed], ...]:
        """The entries in order, each with its wall time."""
        return tuple(next(iter(entry.items())) for entry in self.story)
