"""The applied versions out of the ledger, compiled: what a tick works with."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import exists, func, or_, select
from sqlmodel import Session

from nurture.calendar.hours import Calendar
from nurture.calendar.nearest import suggestion
from nurture.language.checks.validate import Checked
from nurture.language.compiled.compile import compile_sequence
from nurture.language.compiled.definitions import Definitions, Template
from nurture.language.compiled.program import Program
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.hours import sales_calendars, waking_hours, window_hours
from nurture.language.files.scoring import Scoring
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.models import Model
from nurture.language.grammar.vocabulary import LENIENT, Known
from nurture.language.reading.one_file import read
from nurture.language.text.problems import DefinitionInvalid
from nurture.language.text.templates import CHAT_FILE, take_apart
from nurture.ledger import tables as t
from nurture.ledger.errors import InputRefused, NotFound
from nurture.ledger.statements.plans import among
from nurture.ledger.statements.upsert import table_of

M = TypeVar("M", bound=Model)
D = table_of(t.Definition).c
E = table_of(t.Enrolment).c

_KEPT = 8
_cache: OrderedDict[tuple[tuple[int, str, bool], ...], Definitions] = OrderedDict()
_lock = Lock()


def load_definitions(session: Session) -> Definitions:
    """The applied workspace with every sequence version somebody is still in.

    Two queries; compiling is pure and kept by the ids and hashes of the versions.  A version an
    older program accepted and this one cannot read is left out and named in `unreadable`; only
    nurture.yaml and scoring.yaml cannot be done without (DefinitionInvalid).  NotFound before the
    first apply.
    """
    wanted = tuple(sorted((row.id, row.hash, row.active) for row in _wanted(session)))
    with _lock:
        if wanted in _cache:
            _cache.move_to_end(wanted)
            return _cache[wanted]
    rows = session.execute(
        select(t.Definition).where(D.id.in_([number for number, _, _ in wanted]))
    )
    definitions = build(rows.scalars().all())
    with _lock:
        _cache[wanted] = definitions
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return definitions


def _wanted(session: Session) -> Iterable[Any]:
    """(id, hash, active) of all that is in use: what is active, what somebody is in, and the
    newest version of every template (a version in use may send one whose file is gone)."""
    return session.execute(_WANTED).all()


_SOMEBODY = select(E.id).where(E.definition_id == D.id, E.state == "active").limit(1).exists()
_NEWEST = select(func.max(D.id)).where(D.kind == "template").group_by(D.name)
_WANTED = select(D.id, D.hash, D.active).where(
    or_(D.active, D.id.in_(_NEWEST), (D.kind == "sequence") & _SOMEBODY)
)
"""Built once: every tick asks it."""


def in_force(session: Session) -> tuple[frozenset[int], frozenset[int]]:
    """The active definitions, and with them those of running enrolments; leans on
    `enrolment_due`."""
    runs = exists().where(E.definition_id == D.id, among(E.state, ("active",)))
    rows = session.execute(select(D.id, D.active).where(or_(D.active, runs))).all()
    return frozenset(row.id for row in rows if row.active), frozenset(row.id for row in rows)


def load_version(
    session: Session, name: str, version: int | None
) -> tuple[Program, t.Definition]:
    """One version of a sequence, compiled, and its row; None is the one in force.

    NotFound names the sequences or versions there are; DefinitionInvalid when it is a version
    this program cannot read.
    """
    stored = session.execute(select(t.Definition).where(D.kind == "sequence")).scalars().all()
    if not stored:
        raise NotFound("No sequence has been applied to this ledger yet. Run `nurture apply`.")
    _among(name, [row.name for row in stored if row.active or version is not None])
    mine = {row.version: row for row in stored if row.name == name}
    wanted = version or max((row.version for row in mine.values() if row.active), default=0)
    if wanted not in mine:
        known = ", ".join(str(number) for number in sorted(mine))
        raise NotFound(f"There is no version {version} of {name}. Applied were: {known}")
    heads = session.execute(select(t.Definition).where(D.active, D.kind != "sequence"))
    definitions = build([*heads.scalars(), mine[wanted]])
    program = definitions.programs.get(mine[wanted].id or 0)
    if program is None:
        raise InputRefused(definitions.unreadable[0])
    return program, mine[wanted]


def as_written(checked: Checked, name: str) -> Program:
    """A sequence compiled from a workspace's files, applied or not.

    DefinitionInvalid with the problems that keep it from being read, NotFound with the names.
    """
    rows = _rows_of(checked)
    _among(name, [row.name for row in rows if row.kind == "sequence"])
    definitions = build(rows)
    if name in definitions.active:
        return definitions.active[name]
    files = {file.path for file in checked.files if checked.name_of(file) == name}
    problems = [each for each in checked.problems if each.file in files]
    if not problems:
        raise InputRefused("\n".join(definitions.unreadable))
    raise DefinitionInvalid(problems)


def all_as_written(checked: Checked) -> Definitions:
    """A workspace's files compiled, applied or not; DefinitionInvalid with what is wrong with
    them."""
    errors = [each for each in checked.problems if each.severity == "error"]
    if errors:
        raise DefinitionInvalid(errors)
    return build(_rows_of(checked))


def _rows_of(checked: Checked) -> list[t.Definition]:
    return [
        t.Definition(id=number, kind=file.kind, name=named, source=file.definition)
        for number, file in enumerate(checked.files, start=1)
        if (named := checked.name_of(file)) is not None
    ]


def _among(name: str, known: Iterable[str]) -> None:
    """NotFound unless a sequence has this name."""
    names = sorted(set(known))
    if name not in names:
        near = suggestion(name, names)
        listed = ", ".join(names) or "none"
        raise NotFound(f"There is no sequence {name!r}.{near} There are: {listed}")


def build(rows: Iterable[t.Definition]) -> Definitions:
    """Compile stored versions; pure."""
    kinds: dict[str, list[t.Definition]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    head = next((row for row in kinds.get("workspace", ()) if row.active), None)
    if head is None:
        raise NotFound("No workspace has been applied to this ledger yet. Run `nurture apply`.")
    workspace = _needed(Workspace, head, LENIENT)
    known = Known(fields=workspace.fields, strict=False)
    unreadable: list[str] = []
    scoring = [_needed(Scoring, row, known) for row in kinds.get("scoring", ()) if row.active]
    known = replace(known, grades=tuple(scoring[0].grades) if scoring else ())
    handoff, number = _handoff(kinds.get("handoff", ()), known, unreadable)
    templates = read_templates({row.name: row.source for row in kinds.get("template", ())})
    programs, hours, active = _programs(
        kinds.get("sequence", ()), workspace, known, templates, unreadable
    )
    waking = waking_hours(workspace)
    sales, pairs = sales_calendars(handoff, workspace) if handoff else ({}, frozenset())
    return Definitions(
        workspace=workspace,
        scoring=scoring[0] if scoring else Scoring(),
        handoff=handoff,
        handoff_id=number,
        active=active,
        programs=programs,
        templates=templates,
        hours=hours | sales | dict([waking] if waking else []),
        sales_hours=pairs,
        waking=waking[0] if waking else None,
        unreadable=tuple(unreadable),
    )


def _needed(kind: type[M], row: t.Definition, known: Known) -> M:
    reading = read(kind, row.name, row.source.encode(), known, name=row.name)
    if reading.model is None:
        raise DefinitionInvalid(reading.problems)
    return reading.model


def _handoff(
    rows: Iterable[t.Definition], known: Known, unreadable: list[str]
) -> tuple[HandoffRules | None, int]:
    for row in rows:
        if row.active:
            try:
                return _needed(HandoffRules, row, known), row.id or 0
            except DefinitionInvalid as error:
                unreadable.append(f"handoff version {row.version}: {error.problems[0]}")
    return None, 0


def _programs(
    rows: Iterable[t.Definition],
    workspace: Workspace,
    known: Known,
    templates: Mapping[str, Template],
    unreadable: list[str],
) -> tuple[dict[int, Program], dict[str, Calendar], dict[str, Program]]:
    programs: dict[int, Program] = {}
    hours: dict[str, Calendar] = {}
    active: dict[str, Program] = {}
    topics = {name: template.topic for name, template in templates.items()}
    for row in sorted(rows, key=lambda row: row.id or 0):
        number = row.id or 0
        try:
            model = _needed(SequenceModel, row, known)
            program = compile_sequence(model, workspace, definition_id=number, topics=topics)
        except DefinitionInvalid as error:
            unreadable.append(f"{row.name} version {row.version}: {error.problems[0]}")
            continue
        except (KeyError, ValueError) as error:  # a calendar or an entry that is gone by now
            unreadable.append(f"{row.name} version {row.version}: {error}")
            continue
        programs[number] = program
        if model.timing.window is not None:
            key, calendar = window_hours(model.timing.window, workspace)
            hours[key] = calendar
        if row.active:
            active[row.name] = program
    return programs, hours, active


def read_templates(sources: Mapping[str, str]) -> dict[str, Template]:
    """Templates by name from the texts of their files: `welcome.html` with `welcome.txt`, and
    `offered.chat.txt`, a form for channels, which stands alone."""
    found: dict[str, Template] = {}
    for file, source in sources.items():
        name, _, ending = file.rpartition(".")
        if file.endswith(CHAT_FILE):
            page, _ = take_apart(source)
            html, text = "", page.body
        elif ending == "html":
            page, _ = take_apart(source)
            html, text = page.body, take_apart(sources.get(f"{name}.txt", ""))[0].body
        else:
            continue
        found[name] = Template(
            name=name,
            subject=page.front_text("subject"),
            preheader=page.front_text("preheader"),
            topic=page.front_text("topic"),
            html=html,
            text=text,
            hash=hashlib.sha256(f"{source}\0{text}".encode()).hexdigest(),
        )
    return found
