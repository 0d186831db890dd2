"""All files of a workspace at once: every problem, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from nurture.language import checks
from nurture.language.checks.mail_reading import read_mails
from nurture.language.checks.view import File, Trial, View, mail_of, steps, text, texts
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.scoring import Scoring
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.snippets import of_head
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.conditions import FieldType
from nurture.language.grammar.models import Model
from nurture.language.grammar.segments import with_segments
from nurture.language.grammar.vocabulary import LENIENT, Known
from nurture.language.reading.closing import taken
from nurture.language.reading.folder import Kind, Overlooked, SourceFile, load_workspace, overlooked
from nurture.language.reading.one_file import name_in, read_tree, tree_of
from nurture.language.text.pieces import FOLDER
from nurture.language.text.places import below
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Fault, Node, Table, plain

Parsed = tuple[Node | None, list[Fault]]

MODELS: dict[Kind, type[Model]] = {
    "workspace": Workspace,
    "scoring": Scoring,
    "handoff": HandoffRules,
    "sequence": SequenceModel,
}


@dataclass(frozen=True)
class Checked:
    """A workspace that was looked at: its problems, and what `apply` needs to know of its files."""

    files: tuple[SourceFile, ...]
    problems: tuple[Problem, ...]
    names: dict[str, str | None] = field(default_factory=dict)
    mails: dict[str, set[str]] = field(default_factory=dict)
    """By sequence file: the mails it sends."""
    shadows: frozenset[str] = frozenset()
    """The sequence files that are to run beside what is in force."""
    known: Known = LENIENT
    """Every name nurture.yaml declares."""
    models: dict[str, Model] = field(default_factory=dict)
    """By file, what has no errors of form."""
    trees: dict[str, Node | None] = field(default_factory=dict)
    """By file, its tree with all it uses; None of one that cannot be read."""

    def name_of(self, file: SourceFile) -> str | None:
        """The name of a definition; None for a sequence file too broken to say it."""
        if file.kind == "sequence":
            return self.names.get(file.path)
        return file.path.removeprefix("templates/") if file.kind == "template" else file.stem

    def confined(self, problem: Problem) -> bool:
        """The problem is about one sequence or one mail alone, and need not stop the others."""
        shared = problem.file.startswith(f"templates/{FOLDER}")
        return not shared and problem.file.startswith(("sequences/", "templates/"))


def validate(folder: Path, trial: Trial | None = None) -> Checked:
    """Every problem of a workspace, by file and line; none means it can be applied.

    A file that cannot be read does not keep the others from being checked.  `trial` tries to make
    mails of the templates; without it they are only looked at.  Never raises for what stands in
    the files.
    """
    files = load_workspace(folder)
    return check(files, overlooked(folder, files), trial)


def check(
    files: Iterable[SourceFile],
    beside: Iterable[Overlooked] = (),
    trial: Trial | None = None,
) -> Checked:
    """`validate` for files already read, and for those `beside` them that were not."""
    listed = list(files)
    parsed = {file.path: tree_of(file.data) for file in listed if file.kind in MODELS}
    trees = {path: tree for path, (tree, _) in parsed.items()}
    known = _known(trees, listed)
    problems = [
        Problem(each.path, 1, 1, "", f"this {each.reason}", severity=each.severity, rule="not-read")
        for each in beside
    ]
    mails = read_mails(listed)
    read = _read_all(listed, parsed, known)
    problems += [*mails.problems, *read.problems]
    view = View(
        files=tuple(
            File(file.kind, file.path, _name(file, trees) or file.stem, read.trees[file.path])
            for file in listed
            if file.kind in MODELS
        ),
        mails=mails.mails,
        paths=frozenset(file.path for file in listed if file.kind != "piece"),
        fields=dict(known.fields),
        trial=trial,
        models=read.models,
    )
    for each in checks.ALL:
        problems += mails.placed(each(view))
    return Checked(
        files=tuple(
            mails.whole(file) if file.kind == "template" else _closed(file, read, trees, known)
            for file in listed
            if file.kind != "piece"
        ),
        problems=_once(problems),
        names={file.path: _name(file, trees) for file in listed if file.kind == "sequence"},
        mails={
            file.path: {named[1] for loc, step in steps(file) if (named := mail_of(step, loc))}
            for file in view.of("sequence")
        },
        shadows=frozenset(
            path
            for path, model in read.models.items()
            if isinstance(model, SequenceModel) and model.shadow
        ),
        known=known,
        models=read.models,
        trees=read.trees,
    )


@dataclass
class _Read:
    """What became of each YAML file: by path the tree with all it uses, the model if it has no
    errors of form; the problems of form, and files that cannot be read at all."""

    trees: dict[str, Node | None] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def _read_all(listed: Iterable[SourceFile], parsed: Mapping[str, Parsed], known: Known) -> _Read:
    read = _Read()
    for file in listed:
        if file.trouble:
            read.problems.append(Problem(file.path, 1, 1, "", file.trouble, rule="unreadable-file"))
            read.trees[file.path] = None
        elif file.kind in MODELS:
            kind = MODELS[file.kind]
            reading = read_tree(kind, file.path, *parsed[file.path], known, name=file.stem)
            read.problems += reading.problems
            read.trees[file.path] = reading.tree
            if reading.model is not None:
                read.models[file.path] = reading.model
    return read


def _closed(
    file: SourceFile, read: _Read, trees: Mapping[str, Node | None], known: Known
) -> SourceFile:
    """The file with what it uses of nurture.yaml."""
    model, tree = read.models.get(file.path), trees.get(file.path)
    if file.kind == "workspace" or model is None or not isinstance(tree, Table):
        return file
    return replace(file, taken=taken(model, tree, known))


def _once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In order; what is wrong with steps several sequences use is said for the first."""
    listed = sorted(problems, key=lambda each: (*_order(each), each.path))
    kept = {(*_order(each), each.severity): each for each in reversed(listed)}
    return tuple(reversed(kept.values()))


def _order(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.rule, problem.message


def _name(file: SourceFile, trees: dict[str, Node | None]) -> str | None:
    tree = trees[file.path]
    return (name_in(tree) or None) if tree is not None else None


def _known(trees: dict[str, Node | None], files: Iterable[SourceFile]) -> Known:
    """The names nurture.yaml declares, also when other parts of it are wrong."""
    head = trees.get("nurture.yaml")
    declared = below(head, ("fields",))
    fields: dict[str, FieldType] = {}
    if isinstance(declared, Table):
        for name, entry in declared.entries.items():
            kind: Any = text(entry.node)
            fields[name] = kind if kind in get_args(FieldType) else "text"
    topics = below(head, ("topics",))
    grades = below(trees.get("scoring.yaml"), ("grades",))
    named = [_name(file, trees) or file.stem for file in files if file.kind == "sequence"]
    known = Known(
        fields=fields,
        events=frozenset(name for _, name in texts(below(head, ("events",)), ())),
        topics=frozenset(topics.entries if isinstance(topics, Table) else ()),
        sequences=frozenset(named),
        grades=tuple(grades.entries) if isinstance(grades, Table) else (),
        strict=isinstance(head, Table),
    )
    segments = below(head, ("segments",))
    known = replace(
        known,
        snippets=of_head(below(head, ("snippets",)), "nurture.yaml"),
        defaults=of_head(below(head, ("defaults",)), "nurture.yaml"),
    )
    return with_segments(known, plain(segments) if segments is not None else None)
