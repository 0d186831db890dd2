"""What is asked of the event that let a lead in: there is one, and by then it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nurture.language.checks.meaning import asked_in, models, part_of
from nurture.language.checks.view import File, View, awaited, steps
from nurture.language.files.entering import Enter
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.scoring import Scoring
from nurture.language.files.sequence import EventWayModel, SequenceModel, StepModel
from nurture.language.grammar.conditions import Condition, EventTest, events
from nurture.language.grammar.until import UntilModel
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem

RULE = "no-entering-event"
BEFORE = '"same" asks for the event that let the lead in, and before that there is none'
ELSEWHERE = '"same" asks for the event that let a lead into a sequence; only a sequence can'


@dataclass(frozen=True)
class Known:
    """What leads of a sequence bring: an event they entered by, or a key they were asked in by."""

    by_event: bool
    key: str
    how: str

    def has(self, name: str) -> bool:
        """Whether anybody can have the property."""
        return self.by_event or name == self.key


def known_of(enter: Enter) -> Known:
    """What whoever enters brings."""
    how = "command" if enter.by else "date" if enter.date else "segment"
    return Known(enter.when is not None, "" if enter.once_per == "lead" else enter.once_per, how)


def compared(view: View) -> Iterator[Problem]:
    """`same` stands where an event let the lead in."""
    for file, model in models(view):
        known = known_of(model.enter)
        for loc, when in _asked(file, model):
            if loc[:1] == ("enter",):
                yield from _wrong(file, loc, when, BEFORE)
            for name in [each for each in named(when) if not known.has(each)]:
                yield _problem(file, loc, none_has(name, known))
        if not known.by_event:
            for loc, name in _taken(file, model):
                yield file.problem(loc, RULE, none_has(name, known))
    for file in (*view.of("scoring"), *view.of("handoff")):
        for loc, when in _outside(view, file):
            yield from _wrong(file, loc, when, ELSEWHERE)


def none_has(name: str, known: Known) -> str:
    """Nobody can have that property of an event."""
    return (
        f'nobody can have "{name}": it would be of the event that let the lead in, and leads enter'
        f" this sequence by {known.how}"
    )


def named(when: Condition) -> list[str]:
    """The properties a condition compares with those of the entering event."""
    return list(dict.fromkeys(name for event in events(when) for name in event.same))


def _wrong(file: File, loc: Loc, when: Condition, message: str) -> Iterator[Problem]:
    if named(when):
        yield _problem(file, loc, message)


def _problem(file: File, loc: Loc, message: str) -> Problem:
    place = (*loc, "same") if file.at((*loc, "same")) is not None else loc
    return file.problem(place, RULE, message, key=True)


def _asked(file: File, model: SequenceModel) -> Iterator[tuple[Loc, Condition]]:
    if model.enter.when is not None:
        yield ("enter", "when"), model.enter.when
    yield from asked_in(file, model)
    for loc, step in steps(file):
        for place, _ in awaited(step, loc):
            found = part_of(model, place)
            if isinstance(found, EventWayModel):
                yield place, found.test
            elif isinstance(found, EventTest):
                yield place, found


def _taken(file: File, model: SequenceModel) -> Iterator[tuple[Loc, str]]:
    """The properties of the entering event that steps take, each with its place."""
    for loc, _ in steps(file):
        step = part_of(model, loc)
        if isinstance(step, StepModel) and isinstance(step.wait, UntilModel) and step.wait.of:
            yield (*loc, "wait", "until"), step.wait.until
        elif isinstance(step, StepModel) and step.update is not None:
            for field, name in step.update.from_event.items():
                yield (*loc, "update", "from_event", field), name


def _outside(view: View, file: File) -> Iterator[tuple[Loc, Condition]]:
    model = view.models.get(file.path)
    if isinstance(model, Scoring):
        yield from ((("behaviour", n, "when"), rule.when) for n, rule in enumerate(model.behaviour))
        yield from ((("fit", n, "when"), rule.when) for n, rule in enumerate(model.fit))
    elif isinstance(model, HandoffRules):
        asked = [(("routing", n, "when"), each.when) for n, each in enumerate(model.routing)]
        asked += [(("openings", n, "when"), each.when) for n, each in enumerate(model.openings)]
        yield from ((loc, when) for loc, when in asked if when is not None)


CHECKS = (compared,)
