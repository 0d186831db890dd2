"""The workspace as checks see it: trees with names, and every name that is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from nurture.language.grammar.conditions import FieldType
from nurture.language.grammar.models import Model
from nurture.language.reading.folder import Kind
from nurture.language.text.faults import Loc
from nurture.language.text.pieces import Origin
from nurture.language.text.places import below, file_of, path_of, place_of, written
from nurture.language.text.problems import Problem
from nurture.language.text.templates import Page
from nurture.language.text.tree import Listing, Node, Scalar, Table

Block = tuple[Loc, list[Node]]


NOTICES = "notices/"
"""Templates under this folder go to sales, not to leads."""


@dataclass(frozen=True)
class File:
    """One file: its tree (None when it is no YAML) and the name its paths begin with."""

    kind: Kind
    path: str
    name: str
    tree: Node | None

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every list of steps of a sequence, outer ones first; every check goes through them."""
        return tuple(_blocks(self))

    @cached_property
    def steps(self) -> tuple[tuple[Loc, Table], ...]:
        """Every step of a sequence that is a mapping, with its place."""
        return tuple(
            ((*loc, index), step)
            for loc, block in self.blocks
            for index, step in enumerate(block)
            if isinstance(step, Table)
        )

    def at(self, loc: Loc) -> Node | None:
        """The node at a place, None when nothing is written there."""
        return below(self.tree, loc)

    def problem(
        self,
        loc: Loc,
        rule: str,
        message: str,
        *,
        found: str = "",
        allowed: Iterable[str] = (),
        key: bool = False,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """A problem at a place of this file (of its key with `key`)."""
        tree = self.tree or Table(1, 1)
        found = found or ("" if key else written(below(tree, loc)))
        line, column = place_of(tree, loc, key=key)
        path = path_of(self.name, tree, loc)
        file = file_of(tree, loc) or self.path
        return Problem(file, line, column, path, message, found, tuple(allowed), severity, rule)


@dataclass(frozen=True)
class Mail:
    """One template file taken apart."""

    path: str
    name: str
    page: Page
    origins: tuple[Origin, ...] = ()
    """Of a mail that includes pieces: where each line comes from."""

    def placed(self, problem: Problem) -> Problem:
        """A problem of this mail at the place where it is written."""
        piece, line = self.origins[problem.line - 1] if self.origins else ("", problem.line)
        return replace(problem, line=line, file=f"templates/{piece}" if piece else problem.file)


Trial = Callable[[str, bool], tuple[int, str] | None]
"""Tries to make a mail of a source, HTML or not: line and reason when that fails."""


@dataclass(frozen=True)
class View:
    """All files, and the names they declare (also those of files with problems)."""

    files: tuple[File, ...]
    mails: tuple[Mail, ...]
    paths: frozenset[str]
    fields: dict[str, FieldType] = field(default_factory=dict)
    trial: Trial | None = None
    models: dict[str, Model] = field(default_factory=dict)
    """By file without errors of form: what it says."""

    def of(self, kind: Kind) -> Iterator[File]:
        """The files of one kind that could be parsed."""
        return (each for each in self.files if each.kind == kind and each.tree is not None)

    def files_of(self, kind: Kind) -> Iterator[File]:
        """The files of one kind, also those that could not be parsed."""
        return (each for each in self.files if each.kind == kind)

    def declares(self, kind: Kind) -> bool:
        """The file of this kind can be read; otherwise nobody knows what names it declares."""
        return any(isinstance(file.tree, Table) for file in self.of(kind))

    def keys(self, kind: Kind, key: str) -> list[str]:
        """The names a mapping of a file declares: calendars, topics, teams, sla, ladders."""
        found = (each.at((key,)) for each in self.of(kind))
        return [name for node in found if isinstance(node, Table) for name in node.entries]

    @property
    def sequences(self) -> list[str]:
        """The names of all sequences; a file that cannot be read is taken to hold its namesake."""
        return sorted({each.name for each in self.files if each.kind == "sequence"})

    @property
    def templates(self) -> list[str]:
        """The names of all mails that have an HTML file, also of those that cannot be read."""
        return sorted(name for name in self._pages("templates/") if not name.startswith(NOTICES))

    @property
    def notices(self) -> list[str]:
        """The names of the workspace's own notices to sales."""
        return sorted(self._pages(f"templates/{NOTICES}"))

    def _pages(self, folder: str) -> Iterator[str]:
        inside = (path.removeprefix(folder) for path in self.paths if path.startswith(folder))
        return (name.removesuffix(".html") for name in inside if name.endswith(".html"))


def text(node: Node | None) -> str | None:
    """The text of a scalar, None for anything else."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def texts(node: Node | None, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """One text, or those of a list, each with its place."""
    if isinstance(node, Listing):
        for index, item in enumerate(node.items):
            found = text(item)
            if found is not None:
                yield (*loc, index), found
    else:
        found = text(node)
        if found is not None:
            yield loc, found


def items(node: Node | None) -> list[Node]:
    """The entries of a list, none for anything else."""
    return node.items if isinstance(node, Listing) else []


def tables(file: File, loc: Loc) -> Iterator[tuple[Loc, Table]]:
    """The mappings in a list, or under the keys of a mapping, each with its place."""
    node = file.at(loc)
    if isinstance(node, Listing):
        for index, item in enumerate(node.items):
            if isinstance(item, Table):
                yield (*loc, index), item
    elif isinstance(node, Table):
        for key, entry in node.entries.items():
            if isinstance(entry.node, Table):
                yield (*loc, key), entry.node


def _blocks(file: File) -> Iterator[Block]:
    for loc, stage in tables(file, ("stages",)):
        gate = stage.get("gate")
        if isinstance(gate, Table):
            yield from _block(gate.get("otherwise"), (*loc, "gate", "otherwise"))
        yield from _block(stage.get("steps"), (*loc, "steps"))


def _block(node: Node | None, loc: Loc) -> Iterator[Block]:
    if not isinstance(node, Listing):
        return
    yield loc, node.items
    for index, step in enumerate(node.items):
        if isinstance(step, Table):
            for place, arm in arms(step, (*loc, index)):
                yield from _block(arm, place)


def arms(step: Table, loc: Loc) -> Iterator[tuple[Loc, Node | None]]:
    """What stands where a step has room for steps of its own, each with its place."""
    for key in ("then", "otherwise"):
        yield (*loc, key), step.get(key)
    for number, arm in enumerate(items(step.get("branch"))):
        if isinstance(arm, Table):
            for key in ("steps", "otherwise"):
                yield (*loc, "branch", number, key), arm.get(key)
    for number, way in enumerate(items(step.get("wait_for"))):
        if isinstance(way, Table):
            yield (*loc, "wait_for", number, "then"), way.get("then")
    for place, arm in split_arms(step, loc):
        yield (*place, "steps"), arm.get("steps")
    use = step.get("use")
    for name, entry in use.entries.items() if isinstance(use, Table) else ():
        yield (*loc, "use", name), entry.node


def split_arms(step: Table, loc: Loc) -> Iterator[tuple[Loc, Table]]:
    """The arms of a split that are mappings, each with its place."""
    split = step.get("split")
    arms = split.get("arms") if isinstance(split, Table) else None
    for name, entry in arms.entries.items() if isinstance(arms, Table) else ():
        if isinstance(entry.node, Table):
            yield (*loc, "split", "arms", name), entry.node


def blocks(file: File) -> tuple[Block, ...]:
    """Every list of steps of a sequence, outer ones first."""
    return file.blocks


def steps(file: File) -> tuple[tuple[Loc, Table], ...]:
    """Every step of a sequence that is a mapping, with its place."""
    return file.steps


def awaited(step: Table, loc: Loc) -> Iterator[tuple[Loc, Table]]:
    """The events a step waits for, each with its place."""
    place: Loc = (*loc, "wait_for")
    found = step.get("wait_for")
    if isinstance(found, Table):
        yield place, found
    for number, way in enumerate(items(found)):
        if isinstance(way, Table):
            yield (*place, number), way


def mail_of(step: Table, loc: Loc) -> tuple[Loc, str] | None:
    """The mail a `send` step names, with its place."""
    send = step.get("send")
    if isinstance(send, Table):
        name, place = text(send.get("email")), (*loc, "send", "email")
    else:
        name, place = text(send), (*loc, "send")
    return (place, name) if name is not None else None


def deeds(file: File) -> Iterator[tuple[Loc, Table]]:
    """Everything that happens in the stories of a sequence, with its place."""
    for loc, _ in tables(file, ("tests",)):
        for place, entry in tables(file, (*loc, "story")):
            for at, deed in entry.entries.items():
                if isinstance(deed.node, Table):
                    yield (*place, at), deed.node
