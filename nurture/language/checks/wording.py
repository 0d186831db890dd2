"""Names that stand twice, files that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nurture.language.checks.view import File, View, items, steps, tables, text
from nurture.language.reading.folder import NEEDED
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Listing


def missing_files(view: View) -> Iterator[Problem]:
    """nurture.yaml and scoring.yaml must be there; handoff.yaml when sales is to be asked."""
    for name in NEEDED:
        if name not in view.paths:
            message = f"{name} is missing; `nurture init` writes one to begin with"
            yield Problem(name, 1, 1, "", message, rule="missing-file")
    if "nurture.yaml" in view.paths and not any(True for _ in view.files_of("sequence")):
        message = "there is no sequence, so nobody is nurtured; write sequences/NAME.yaml"
        yield Problem("sequences", 1, 1, "", message, severity="warning", rule="missing-file")
    if "handoff.yaml" in view.paths:
        return
    for file in view.of("sequence"):
        for loc, step in steps(file):
            for verb, what in (("hand_off", "handing over"), ("notify", "telling a team")):
                if verb in step.entries:
                    message = f"{what} needs handoff.yaml, which is missing"
                    yield file.problem((*loc, verb), "missing-file", message, key=True)


def _twice(what: str, named: Iterable[tuple[File, Loc, str | None]]) -> Iterator[Problem]:
    first: dict[str, Problem] = {}
    for file, loc, name in named:
        if name is None:
            continue
        message = f'a second {what} is named "{name}"'
        problem = file.problem(loc, "duplicate-name", message)
        before = first.setdefault(name, problem)
        places = {(each.file, each.line, each.column) for each in (before, problem)}
        if len(places) > 1:  # else it is the first, or that of a snippet used again
            where = f"the first stands in {before.file} line {before.line}"
            yield file.problem(loc, "duplicate-name", f"{message}; {where}")


def _named(file: File, loc: Loc, key: str) -> Iterator[tuple[File, Loc, str | None]]:
    for place, table in tables(file, loc):
        yield file, (*place, key), text(table.get(key))


def sequences(view: View) -> Iterator[Problem]:
    """No two files hold a sequence of one name."""
    named = [(file, ("sequence",), text(file.at(("sequence",)))) for file in view.of("sequence")]
    yield from _twice("sequence", named)


def inside_sequences(view: View) -> Iterator[Problem]:
    """Stages, step ids and splits are unique in their sequence."""
    for file in view.of("sequence"):
        yield from _twice("stage", _named(file, ("stages",), "stage"))
        yield from _twice(
            "step", ((file, (*loc, "id"), text(step.get("id"))) for loc, step in steps(file))
        )
        names = [(*loc, "split", "name") for loc, _ in steps(file)]
        yield from _twice("split", ((file, name, text(file.at(name))) for name in names))


def rules(view: View) -> Iterator[Problem]:
    """Scoring rules are unique over behaviour and fit: the ledger knows them by name."""
    for file in view.of("scoring"):
        both = [*_named(file, ("behaviour",), "rule"), *_named(file, ("fit",), "rule")]
        yield from _twice("rule", both)
        yield from _twice("threshold", _named(file, ("thresholds",), "threshold"))


def reps(view: View) -> Iterator[Problem]:
    """A rep stands once in a team (but may work in several)."""
    for file in view.of("handoff"):
        for loc, _ in tables(file, ("teams",)):
            yield from _twice("rep", _named(file, (*loc, "reps"), "rep"))


def empty(view: View) -> Iterator[Problem]:
    """A sequence has stages; a stage has steps, or a gate to wait at."""
    for file in view.of("sequence"):
        if isinstance(file.at(("stages",)), Listing) and not items(file.at(("stages",))):
            yield file.problem(("stages",), "empty", "a sequence needs at least one stage")
        for loc, stage in tables(file, ("stages",)):
            steps = stage.get("steps")
            if isinstance(steps, Listing) and not items(steps) and stage.get("gate") is None:
                message = "a stage needs at least one step, or a gate"
                yield file.problem((*loc, "steps"), "empty", message)


CHECKS = (missing_files, sequences, inside_sequences, rules, reps, empty)
