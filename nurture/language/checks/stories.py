"""Stories: one thing at an instant, with the keys that belong to it, and names that exist."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.names import holds, unknown
from nurture.language.checks.outside import called_webhooks
from nurture.language.checks.view import File, View, deeds, tables, text, texts
from nurture.language.files.expecting import NOTHING, Expect
from nurture.language.files.ladders import ACTIONS
from nurture.language.files.story import BESIDE, ONLY, WANTED, StoryLead
from nurture.language.grammar.comparing import TYPE_WORDS
from nurture.language.grammar.vocabulary import NOTICES
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Listing, Node, Scalar, Table

Place = tuple[Loc, str, bool]
"""Where a name stands, the name, and whether it is a key there."""


def verbs(view: View) -> Iterator[Problem]:
    """A deed has exactly one verb, and beside it only what belongs to it."""
    for file in view.of("sequence"):
        for loc, deed in deeds(file):
            found = [key for key in deed.entries if key in BESIDE]
            if len(found) != 1:
                said = f"two things in one: {' and '.join(found)}" if found else "nothing happens"
                message = f"{said}; write one of {', '.join(BESIDE)}"
                yield file.problem(loc, "story-form", message)
                continue
            allowed = {key for keys in BESIDE.values() for key in keys}
            for key in deed.entries:
                if key in allowed and key not in BESIDE[found[0]]:
                    message = f'"{key}" does not belong to {found[0]}'
                    yield file.problem((*loc, key), "story-form", message, key=True)


def answers(view: View) -> Iterator[Problem]:
    """What sales says has the words it needs, and no others."""
    for file in view.of("sequence"):
        for loc, deed in deeds(file):
            said = text(deed.get("sales"))
            wanted = WANTED.get(said or "")
            if wanted and wanted not in deed.entries:
                message = f'"sales: {said}" needs "{wanted}" beside it'
                yield file.problem((*loc, "sales"), "story-form", message)
            for key, only in ONLY.items():
                if said and key in deed.entries and said not in only:
                    message = f'"{key}" belongs to {" and ".join(only)}, not to {said}'
                    yield file.problem((*loc, key), "story-form", message, key=True)


def expectations(view: View) -> Iterator[Problem]:
    """An `expect` compares something."""
    for file in view.of("sequence"):
        for loc, expect in _expects(file):
            if not expect.entries:
                message = "nothing is expected here"
                allowed = list(Expect.model_fields)
                yield file.problem(loc, "story-form", message, allowed=allowed)


def names(view: View) -> Iterator[Problem]:
    """Mails, notices, webhooks, rungs, stages, teams, reps, sequences that stories name exist."""
    known = {
        "sent": ("template", view.templates),
        "not_sent": ("template", view.templates),
        "notices": ("notice", [*NOTICES, *view.notices]),
        "calls": ("webhook", called_webhooks(view)),
        "rungs": ("rung", list(ACTIONS)),
        "sequences": ("sequence", view.sequences),
    }
    if view.declares("handoff"):
        known["handoff"] = ("team", [*view.keys("handoff", "teams"), NOTHING])
        known["rep"] = ("rep", [*_reps(view), NOTHING])
    for file in view.of("sequence"):
        stages = [text(stage.get("stage")) or "" for _, stage in tables(file, ("stages",))]
        own = {**known, "stage": ("stage", [*filter(None, stages), NOTHING])}
        for loc, expect in _expects(file):
            for key, (word, allowed) in own.items():
                for place in _named(expect.get(key), (*loc, key)):
                    yield from _unknown(file, word, place, allowed)


def people(view: View) -> Iterator[Problem]:
    """Reps who answer, or to whom a lead is given, work in some team."""
    if not view.declares("handoff"):
        return
    said = [
        (file, (*loc, key), deed.get(key))
        for file in view.of("sequence")
        for loc, deed in deeds(file)
        for key in ("by", "to")
    ]
    yield from unknown("rep", said, _reps(view))


def leads(view: View) -> Iterator[Problem]:
    """A story's lead has fields that exist, of their type, and topics that are declared."""
    if not view.declares("workspace"):
        return
    for file in view.of("sequence"):
        for at, _ in tables(file, ("tests",)):
            loc = (*at, "lead")
            lead, topics = file.at(loc), file.at((*loc, "topics"))
            if isinstance(lead, Table):
                for key, entry in lead.entries.items():
                    yield from _field(view, file, (*loc, key), key, entry.node)
            for key in topics.entries if isinstance(topics, Table) else ():
                place = ((*loc, "topics", key), key, True)
                yield from _unknown(file, "topic", place, view.keys("workspace", "topics"))


def _field(view: View, file: File, loc: Loc, key: str, node: Node) -> Iterator[Problem]:
    if key in StoryLead.model_fields:
        return
    kind = view.fields.get(key.removeprefix("attr."))
    if kind is None:
        allowed = [*StoryLead.model_fields, *view.fields]
        message = f'unknown field "{key}"'
        yield file.problem(loc, "unknown-field", message, found=key, allowed=allowed, key=True)
    elif not isinstance(node, Scalar) or not holds(node, kind):
        shown = f'not "{node.value}"' if isinstance(node, Scalar) else "nothing else"
        yield file.problem(loc, "wrong-type", f'"{key}" holds {TYPE_WORDS[kind]}, {shown}')


def doubled(view: View) -> Iterator[Problem]:
    """Every story of a sequence has a name of its own, by which it is asked for."""
    for file in view.of("sequence"):
        seen: set[str] = set()
        for loc, story in tables(file, ("tests",)):
            name = text(story.get("name"))
            if name in seen:
                message = f'two tests are called "{name}"'
                yield file.problem((*loc, "name"), "duplicate-name", message)
            seen |= {name} if name else set()


def _expects(file: File) -> Iterator[tuple[Loc, Table]]:
    for loc, deed in deeds(file):
        expect = deed.get("expect")
        if isinstance(expect, Table):
            yield (*loc, "expect"), expect


def _reps(view: View) -> list[str]:
    found = {
        name
        for file in view.of("handoff")
        for loc, _ in tables(file, ("teams",))
        for _, rep in tables(file, (*loc, "reps"))
        if (name := text(rep.get("rep")))
    }
    return sorted(found)


def _named(node: Node | None, loc: Loc) -> Iterator[Place]:
    """Every name of an expectation: alone, in a list, or as the key of its detail."""
    if isinstance(node, Table):
        yield from (((*loc, key), key, True) for key in node.entries)
    elif isinstance(node, Listing):
        for index, item in enumerate(node.items):
            yield from _named(item, (*loc, index))
    else:
        yield from ((place, name, False) for place, name in texts(node, loc))


def _unknown(file: File, word: str, place: Place, allowed: list[str]) -> Iterator[Problem]:
    loc, name, key = place
    if name not in allowed:
        yield file.problem(
            loc, f"unknown-{word}", f'unknown {word} "{name}"', found=name,
            allowed=sorted(allowed), key=key,
        )  # fmt: skip


CHECKS = (verbs, answers, expectations, names, people, leads, doubled)
