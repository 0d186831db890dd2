"""Names that must exist somewhere else: templates, topics, teams, calendars, sequences, fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nurture.language.checks.outcomes import entries
from nurture.language.checks.view import (
    File,
    View,
    awaited,
    deeds,
    mail_of,
    steps,
    tables,
    text,
    texts,
)
from nurture.language.files.snippets import sees
from nurture.language.grammar.comparing import TYPE_WORDS, type_of
from nurture.language.grammar.conditions import FieldType
from nurture.language.grammar.vocabulary import LEAD_FIELDS, NOTICES, WRITABLE_FIELDS
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Node, Scalar, Table

VERBS = ("start", "stop")
Named = Iterable[tuple[File, Loc, Node | None]]


def unknown(word: str, named: Named, allowed: list[str]) -> Iterator[Problem]:
    """A problem for each name, one or a list at each place, that is not among those allowed."""
    for file, loc, node in named:
        for place, name in texts(node, loc):
            if name not in allowed:
                yield file.problem(
                    place, f"unknown-{word}", f'unknown {word} "{name}"', found=name,
                    allowed=sorted(allowed),
                )  # fmt: skip


def templates(view: View) -> Iterator[Problem]:
    """A mail that is sent, or whose opening or click is waited for, has a template."""
    named: list[tuple[File, Loc, Node | None]] = []
    for file in view.of("sequence"):
        for loc, step in steps(file):
            mail = mail_of(step, loc)
            if mail is not None:
                named.append((file, mail[0], file.at(mail[0])))
            for place, event in awaited(step, loc):
                if (text(event.get("event")) or "").startswith("email_"):
                    waited = (*place, "where", "email")
                    named.append((file, waited, file.at(waited)))
    yield from unknown("template", named, view.templates)


def topics(view: View) -> Iterator[Problem]:
    """Topics of sequences, sends and updates (of steps and of stories) stand in nurture.yaml."""
    if not view.declares("workspace"):
        return
    named: list[tuple[File, Loc, Node | None]] = []
    for file in view.of("sequence"):
        named.append((file, ("topic",), file.at(("topic",))))
        for loc, _ in (*steps(file), *deeds(file)):
            named += [
                (file, (*loc, *tail), file.at((*loc, *tail)))
                for tail in (("send", "topic"), ("update", "subscribe"), ("update", "unsubscribe"))
            ]
    yield from unknown("topic", named, view.keys("workspace", "topics"))


def calendars(view: View) -> Iterator[Problem]:
    """Calendars of windows, teams and reps stand in nurture.yaml."""
    if not view.declares("workspace"):
        return
    window: Loc = ("timing", "window", "calendar")
    named: list[tuple[File, Loc, Node | None]]
    named = [(file, window, file.at(window)) for file in view.of("sequence")]
    for file in view.of("handoff"):
        for loc, team in tables(file, ("teams",)):
            named += [(file, (*loc, "calendar"), team.get("calendar"))]
            named += [
                (file, (*place, "calendar"), rep.get("calendar"))
                for place, rep in tables(file, (*loc, "reps"))
            ]
    yield from unknown("calendar", named, view.keys("workspace", "calendars"))


def teams(view: View) -> Iterator[Problem]:
    """Teams of routes, of `hand_off` and of `notify` stand in handoff.yaml."""
    if not view.declares("handoff"):
        return
    named: list[tuple[File, Loc, Node | None]] = []
    for file in view.of("handoff"):
        for loc, route in tables(file, ("routing",)):
            named += [(file, (*loc, key), route.get(key)) for key in ("team", "otherwise")]
    for file in view.of("sequence"):
        for loc, _ in steps(file):
            for verb in ("hand_off", "notify"):
                for place in ((*loc, verb), (*loc, verb, "team")):
                    named.append((file, place, file.at(place)))
    yield from unknown("team", named, view.keys("handoff", "teams"))


def notices(view: View) -> Iterator[Problem]:
    """Notices of `notify` come with the program, or stand in templates/notices."""
    places = [(f, (*loc, "notify", "notice")) for f in view.of("sequence") for loc, _ in steps(f)]
    named = [(file, place, file.at(place)) for file, place in places]
    yield from unknown("notice", named, [*NOTICES, *view.notices])


def sequences(view: View) -> Iterator[Problem]:
    """Sequences that are started or stopped, also by ladders, recycling or outcomes, exist."""
    named: list[tuple[File, Loc, Node | None]] = []
    for file in view.of("sequence"):
        for loc, step in steps(file):
            named += [(file, (*loc, verb), step.get(verb)) for verb in VERBS]
    for file in view.of("handoff"):
        named.append((file, ("recycle", "sequence"), file.at(("recycle", "sequence"))))
        for loc in ladders(file):
            named += [
                (file, (*place, "recycle"), rung.get("recycle"))
                for place, rung in tables(file, loc)
            ]
    for file, _, found in entries(view):
        named += [
            (file, (*loc, verb), entry.get(verb)) for loc, entry in found for verb in VERBS
        ]
    yield from unknown("sequence", named, view.sequences)


def step_ids(view: View) -> Iterator[Problem]:
    """A `goto` names a step of its own sequence."""
    for file in view.of("sequence"):
        ids = [(at, each) for at, step in steps(file) if (each := text(step.get("id")))]
        for loc, step in steps(file):
            if "goto" in step.entries:
                places = ((*loc, "goto"), (*loc, "goto", "step"))
                named = [(file, place, file.at(place)) for place in places]
                yield from unknown("step", named, [each for at, each in ids if sees(loc, at)])


def ladders(file: File) -> Iterator[Loc]:
    """The places of the ladders of a file."""
    node = file.at(("ladders",))
    if isinstance(node, Table):
        yield from (("ladders", name) for name in node.entries)


def agreements(view: View) -> Iterator[Problem]:
    """A team's SLA, and the ladders of an SLA and its clocks, stand in handoff.yaml."""
    for file in view.of("handoff"):
        slas = [(file, (*loc, "sla"), team.get("sla")) for loc, team in tables(file, ("teams",))]
        yield from unknown("sla", slas, view.keys("handoff", "sla"))
        used = [
            (file, (*at, "ladder"), table.get("ladder"))
            for loc, sla in tables(file, ("sla",))
            for at, table in ((loc, sla), *tables(file, loc))
        ]
        yield from unknown("ladder", used, view.keys("handoff", "ladders"))


def updated_fields(view: View) -> Iterator[Problem]:
    """An `update` writes fields that exist, with values of their type."""
    if not view.declares("workspace"):
        return
    for file in view.of("sequence"):
        for loc, _ in (*steps(file), *deeds(file)):
            place = (*loc, "update", "fields")
            fields = file.at(place)
            if isinstance(fields, Table):
                for key in fields.entries:
                    yield from _updated(view, file, (*place, key), key)
        for loc, _ in steps(file):
            place = (*loc, "update", "from_event")
            taken = file.at(place)
            if isinstance(taken, Table):
                for key in taken.entries:
                    yield from _taken(view, file, (*place, key), key)


def _updated(view: View, file: File, loc: Loc, key: str) -> Iterator[Problem]:
    own = view.fields.get(key.removeprefix("attr."))
    kind = LEAD_FIELDS.get(key) if key in WRITABLE_FIELDS else own
    node = file.at(loc)
    if kind is None:
        allowed = [*WRITABLE_FIELDS, *view.fields]
        message = f'unknown field "{key}"'
        if key in LEAD_FIELDS:
            message = f'"{key}" cannot be changed by a sequence'
        yield file.problem(loc, "unknown-field", message, found=key, allowed=allowed, key=True)
    elif loc[-2] == "fields" and isinstance(node, Scalar) and not holds(node, kind):
        message = f'"{key}" holds {TYPE_WORDS[kind]}, not "{node.value}"'
        yield file.problem(loc, "wrong-type", message)


def _taken(view: View, file: File, loc: Loc, key: str) -> Iterator[Problem]:
    """A field that an event may fill: one there is, no time zone, and written once."""
    yield from _updated(view, file, loc, key)
    if key == "timezone":
        message = '"timezone" cannot be taken from an event: clocks go by it, so it must be a zone'
        yield file.problem(loc, "unknown-field", message, key=True)
    if file.at((*loc[:-2], "fields", key)) is not None:
        message = f'"{key}" is written twice: in "fields" and from the event'
        yield file.problem(loc, "duplicate-name", message, key=True)


def holds(node: Scalar, kind: FieldType) -> bool:
    """Whether it is a value of the field's type, a date being written as a text."""
    return node.value is not None and type_of(node.value) == ("text" if kind == "date" else kind)


CHECKS = (
    templates, topics, calendars, teams, notices, sequences, step_ids, agreements, updated_fields,
)  # fmt: skip
