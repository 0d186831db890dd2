"""handoff.yaml: the clocks of a handoff and the ladders they climb."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, model_validator

from nurture.language.grammar.durations import parse_elapsed, parse_span
from nurture.language.grammar.models import Count, Duration, Model, Name, mapping, read_by, reading

Kind = Literal["accept", "first_touch", "next_step", "close"]
KINDS: tuple[Kind, ...] = ("accept", "first_touch", "next_step", "close")
"""The clocks of a handoff, in the order they should be met."""
RESTARTING: tuple[Kind, ...] = ("accept", "first_touch", "next_step")
"""The clocks another rep begins anew, unless the policy says which."""
MOST_REPEATS = 20
LONGEST_SNOOZE = timedelta(days=7)
ACTIONS = ("remind", "tell", "give", "unavailable", "recycle")
"""What a rung can do."""
MANAGER = "manager"
"""Whom `tell` tells, if not through a channel."""
_REPEAT = re.compile(r"every (?P<every>.+), at most (?P<times>\d{1,3})(?: times)?", re.ASCII)


def parse_share(text: object) -> float:
    """Read `50%` as 0.5."""
    if isinstance(text, str) and text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = -1.0
        if 0 < share <= 10:
            return share
    raise ValueError(f'{text!r} is not a share of the window: write it as "50%"')


class Repeat(Model):
    """`every 2 hours, at most 5`: a rung fires again and again while its clock runs."""

    every: Duration
    at_most: Annotated[Count, Field(le=MOST_REPEATS)]

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return read_by("bad-repeat", _repeat, value)
        return mapping(value, 'write "every 2 hours, at most 5"')


def _repeat(text: str) -> dict[str, Any]:
    found = _REPEAT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" does not say how often: write "every 2 hours, at most 5"')
    parse_span(found["every"])
    return {"every": found["every"], "at_most": int(found["times"])}


def parse_lapses(text: object) -> int:
    """Read `3 lapses` as 3."""
    found = re.fullmatch(r"(\d{1,3}) lapses?", text) if isinstance(text, str) else None
    if found is None or int(found[1]) < 1:
        raise ValueError(f'{text!r} is not how many: write "3 lapses"')
    return int(found[1])


class Unavailable(Model):
    """`{after: 3 lapses}`: a rep with so many lapses in a row takes no leads until resumed."""

    after: Annotated[
        int, reading("bad-lapses", parse_lapses), WithJsonSchema({"type": "string"})
    ]


class RungModel(Model):
    """A rung at a share of the clock's window (`at: 50%`) or an offset after its end (`after:`).

    Exactly one action: `remind: rep`, `tell: manager` or `tell: <channel>`, `give: next rep`,
    `unavailable: {after: 3 lapses}`, `recycle: <sequence>` (back to nurture, into that sequence).
    `repeat` fires a reminder or a notice again, so often at most.
    """

    at: Annotated[float, reading("bad-share", parse_share)] | None = None
    after: Duration | None = None
    remind: Literal["rep"] | None = None
    tell: Name | None = None
    give: Literal["next rep"] | None = None
    unavailable: Unavailable | None = None
    recycle: str | None = None
    repeat: Repeat | None = None

    @property
    def action(self) -> str:
        """What its row says it does: one of `ACTIONS`, with what it is about: `tell:<channel>`,
        `recycle:<sequence>`, `unavailable:<lapses>`."""
        verb = next(each for each in ACTIONS if getattr(self, each))
        if self.unavailable is not None:
            return f"{verb}:{self.unavailable.after}"
        about = self.recycle or (self.tell if self.tell != MANAGER else None)
        return f"{verb}:{about}" if about else verb


class ClockModel(Model):
    """`accept: 2 business hours`, or with options: whose hours count, and a ladder of its own."""

    within: Duration
    hours: Literal["rep", "team"] = "rep"
    ladder: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"within": value}
        return mapping(value, 'a duration is expected here, or a mapping with "within"')


def parse_snooze(text: object) -> timedelta | None:
    """Read `2 hours` as the longest a rep may put a lead off, `never` as None."""
    if text == "never":
        return None
    longest = parse_elapsed(text)
    if not timedelta() < longest <= LONGEST_SNOOZE:
        raise ValueError(f'"{text}" is too long to put a lead off: a week at most, or "never"')
    return longest


Snooze = Annotated[
    timedelta | None, reading("bad-duration", parse_snooze), WithJsonSchema({"type": "string"})
]


class Sla(Model):
    """The clocks of a handoff, the ladder each climbs, which of them another rep begins anew (the
    others go on), and how long a rep may put a lead off, once."""

    accept: ClockModel
    first_touch: ClockModel
    next_step: ClockModel | None = None
    close: ClockModel | None = None
    ladder: Name
    restart: tuple[Kind, ...] = RESTARTING
    snooze: Snooze = timedelta(hours=4)

    @property
    def clocks(self) -> dict[Kind, ClockModel]:
        """The clocks this policy has, in the order they should be met."""
        found = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: clock for kind, clock in found.items() if clock is not None}
