"""Mails that follow each other too fast for the caps, or too slowly for a promise (warnings).

Told of a lead that does nothing: it waits as long as every wait on its way allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TypeVar

from nurture.language.checks.cycles import Ways, ways_of
from nurture.language.checks.meaning import models, part_of, warning
from nurture.language.checks.view import File, View, steps
from nurture.language.compiled.compile import LATE
from nurture.language.files.caps import DAY, Cap, caps_of
from nurture.language.files.sequence import SequenceModel, StepModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.durations import Span, say
from nurture.language.grammar.until import UntilModel, minute_of
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem

State = TypeVar("State")
Wait = Callable[[Loc, timedelta | None, State], State]
"""At a place, for at most so long, or (None) nobody knows how long."""
Mail = Callable[[Loc, str, State], State]
"""At a place, about a topic."""
Times = tuple[timedelta, ...]
"""How long ago at least the last mails went, the newest first."""
Since = tuple[timedelta, Loc] | None
"""How long ago at most the last mail went, and the wait that made it too long; None before it."""


@dataclass(frozen=True)
class Route:
    """A sequence as the ways leads go through it, and what its mails are about."""

    file: File
    model: SequenceModel
    topics: dict[str, str]

    def walk(
        self,
        begin: State,
        meet: Callable[[State, State], State],
        wait: Wait[State],
        mail: Mail[State],
    ) -> None:
        """Carry a state along all ways at once: changed by waits and mails, met where ways meet.

        A way back is not gone.
        """
        ways, gates = ways_of(self.file, dict(steps(self.file))), self._gates()
        brought: dict[Loc, State] = {}
        for loc in forward(ways):
            state = brought.get(loc, begin)
            if loc in gates:
                state = wait(*gates[loc], state)
            step = part_of(self.model, loc)
            if isinstance(step, StepModel):
                state = self._pass(loc, step, state, wait, mail)
            for way in ways[loc]:
                brought[way] = meet(brought[way], state) if way in brought else state

    def _pass(
        self, loc: Loc, step: StepModel, state: State, wait: Wait[State], mail: Mail[State]
    ) -> State:
        if step.send is not None:
            topic = step.send.topic or self.topics.get(step.send.email) or self.model.topic or ""
            return mail((*loc, "send"), topic, state)
        if step.wait is not None:
            return wait((*loc, "wait"), _length(step.wait), state)
        if step.within is not None:
            return wait((*loc, "within"), step.within.amount, state)
        return state

    def _gates(self) -> dict[Loc, tuple[Loc, timedelta]]:
        """By the first step of a stage: its gate, and how long that keeps a lead."""
        return {
            ("stages", number, "steps", 0): (("stages", number, "gate"), stage.gate.within.amount)
            for number, stage in enumerate(self.model.stages)
            if stage.gate is not None
        }


def _length(waiting: Span | UntilModel) -> timedelta | None:
    """The longest it may take; None of a date of the lead or its event."""
    if isinstance(waiting, Span):
        return waiting.amount
    if waiting.field:
        return None
    if minute_of(waiting.until) is not None:
        return DAY
    return 7 * DAY


def forward(ways: Ways) -> list[Loc]:
    """The places so that every way but those back leads from an earlier to a later one."""
    left: dict[Loc, None] = {}
    for first in ways:
        waiting = [(first, iter(ways[first]))] if first not in left else []
        entered = {first}
        while waiting:
            loc, following = waiting[-1]
            way = next((way for way in following if way not in left and way not in entered), None)
            if way is None:
                left[loc] = None
                waiting.pop()
            else:
                entered.add(way)
                waiting.append((way, iter(ways[way])))
    return [*left][::-1]


def _routes(view: View) -> Iterator[Route]:
    topics = {mail.name: mail.page.front_text("topic") for mail in view.mails}
    for file, model in models(view):
        yield Route(file, model, topics)


def promised(view: View) -> Iterator[Problem]:
    """Between two mails about a topic no more time passes than nurture.yaml promises."""
    head = view.models.get("nurture.yaml")
    for topic, said in head.topics.items() if isinstance(head, Workspace) else ():
        for route in _routes(view) if said.promise is not None else ():
            yield from _too_slow(route, topic, said.promise or DAY)


def _too_slow(route: Route, topic: str, promise: timedelta) -> Iterator[Problem]:
    broken: dict[Loc, timedelta] = {}

    def wait(loc: Loc, takes: timedelta | None, since: Since) -> Since:
        if since is None or takes is None:
            return None
        time, first = since[0] + takes, since[1]
        return time, first if first or time <= promise else loc

    def mail(loc: Loc, about: str, since: Since) -> Since:
        if about != topic:
            return since
        if since is not None and since[0] > promise:
            broken[since[1]] = max(since[0], broken.get(since[1], since[0]))
        return timedelta(0), ()

    def later(one: Since, other: Since) -> Since:
        return max(one or other, other or one, key=lambda since: since[0] if since else DAY)

    route.walk(None, later, wait, mail)
    for loc, time in broken.items():
        message = (
            f"a wait longer than the topic's promise: {say(time)} between two mails about {topic},"
            f" {say(promise)} at most are promised"
        )
        yield warning(route.file, loc, "promise-broken", message)


def capped(view: View) -> Iterator[Problem]:
    """A mail a cap puts off still goes then."""
    head = view.models.get("nurture.yaml")
    caps = caps_of(head) if isinstance(head, Workspace) else []
    for route in _routes(view):
        late = route.model.timing.late or LATE
        told: set[Loc] = set()
        for cap in caps if late.otherwise == "skip" else ():
            for loc, delay in _too_late(route, cap, late.send_within):
                if loc not in told:
                    message = (
                        f"the cap of {cap.said} puts this mail off by up to {say(delay)}, when it"
                        " is too late (timing.late.send_within)"
                    )
                    yield warning(route.file, loc, "cap-too-small", message)
                told.add(loc)


def _too_late(route: Route, cap: Cap, within: timedelta) -> list[tuple[Loc, timedelta]]:
    """The mails a cap keeps back for too long, and how long."""
    found: list[tuple[Loc, timedelta]] = []

    def wait(loc: Loc, takes: timedelta | None, times: Times) -> Times:
        return () if takes is None else tuple(time + takes for time in times)

    def mail(loc: Loc, about: str, times: Times) -> Times:
        if cap.topic not in ("", about):
            return times
        delay = _delay(cap, times[-1]) if len(times) == cap.most else timedelta(0)
        times = tuple(time + delay for time in times)
        if delay > within:
            found.append((loc, delay))
            return times
        return (timedelta(0), *times)[: cap.most]

    def sooner(one: Times, other: Times) -> Times:
        return tuple(map(min, zip_longest(one, other, fillvalue=timedelta.max)))

    none: Times = ()
    route.walk(none, sooner, wait, mail)
    return found


def _delay(cap: Cap, ago: timedelta) -> timedelta:
    """How long a cap keeps a mail back whose room was taken so long ago."""
    if cap.days:
        ago = round(ago / DAY) * DAY  # a day of the lead may end at any hour
    return max(cap.length - ago, timedelta(0))


CHECKS = (capped, promised)
