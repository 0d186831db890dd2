"""`tests:` of a sequence: stories of one lead, what happens to it and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from nurture.language.files.expecting import Expect, Instant, instant
from nurture.language.files.scoring import Lifecycle
from nurture.language.files.update import UpdateModel
from nurture.language.grammar.condition_fields import KindField
from nurture.language.grammar.models import (
    Address,
    Count,
    Elapsed,
    Model,
    Names,
    Number,
    Plain,
    Zone,
    reading,
)
from nurture.language.text.faults import Faults, fault

LONGEST = timedelta(days=3 * 366)
"""How long a story may be: a clock that jumps from one thing due to the next has to come to its
end while somebody waits."""

Answer = Literal[
    "accept", "touch", "reject", "recycle", "give", "pause", "snooze", "resume", "meeting",
    "opportunity", "won", "lost",
]  # fmt: skip
BESIDE: Mapping[str, tuple[str, ...]] = {
    "event": ("with", "times"),
    "update": (),
    "enter": ("key",),
    "sales": ("by", "how", "reason", "to", "until", "for", "amount"),
    "expect": (),
}
"""The verbs of a story, and the keys that may stand beside each."""
WANTED: Mapping[str, str] = {
    "give": "to", "pause": "until", "snooze": "for", "reject": "reason", "recycle": "reason",
    "lost": "reason",
}  # fmt: skip
"""By answer of sales: the key that has to stand beside it."""
ONLY: Mapping[str, tuple[str, ...]] = {
    "to": ("give",),
    "how": ("touch",),
    "until": ("pause",),
    "for": ("snooze",),
    "reason": ("pause", "reject", "recycle", "meeting", "opportunity", "won", "lost"),
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
    until: Instant | None = None
    for_: Elapsed | None = Field(default=None, alias="for")
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
