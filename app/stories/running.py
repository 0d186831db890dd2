"""The stories of a workspace: found in its files, played one after another or side by side."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import logs
from app.stories.player import Played, play
from app.stories.rehearsal import Rehearsal, open_rehearsal
from nurture.delivery.mails.trial import trial
from nurture.language.checks.validate import Checked, validate
from nurture.language.files.expecting import instant
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.story import Story
from nurture.language.text.faults import Loc
from nurture.language.text.places import place_of
from nurture.language.text.problems import DefinitionInvalid
from nurture.language.text.tree import Node

A_PROCESS_MORE = 12
"""So many stories are worth the seconds another process takes to start."""


@dataclass(frozen=True)
class Case:
    """A story and where it stands: `number` counts the stories of its file from 0."""

    sequence: str
    file: str
    number: int
    story: Story
    tree: Node

    def loc(self, entry: int, *keys: str) -> Loc:
        """The place of something in an entry of the story."""
        wall, deed = self.story.entries[entry]
        return ("tests", self.number, "story", entry, instant(wall), deed.verb, *keys)

    def place(self, loc: Loc = ()) -> str:
        """`sequences/trial-welcome.yaml:74:5`, of the story or of something in it."""
        line, column = place_of(self.tree, loc or ("tests", self.number), key=bool(loc))
        return f"{self.file}:{line}:{column}"

    @property
    def line(self) -> int:
        """The story's first line."""
        return place_of(self.tree, ("tests", self.number))[0]


@dataclass(frozen=True)
class Result:
    """A story and what became of it, and how long that took."""

    case: Case
    played: Played
    seconds: float


def cases(folder: Path) -> list[Case]:
    """Every story of a workspace.  Raises DefinitionInvalid when its files have errors."""
    checked = validate(folder, trial)
    errors = [problem for problem in checked.problems if problem.severity == "error"]
    if errors:
        raise DefinitionInvalid(errors)
    return list(_cases(checked))


def _cases(checked: Checked) -> Iterator[Case]:
    for file in checked.files:
        if file.kind != "sequence":
            continue
        model, tree = checked.models[file.path], checked.trees[file.path]
        assert isinstance(model, SequenceModel)
        assert tree is not None
        for number, story in enumerate(model.tests):
            yield Case(model.sequence, file.path, number, story, tree)


def play_all(folder: Path, chosen: Sequence[Case], *, processes: int) -> Iterator[Result]:
    """Play the stories, each from its own beginning; what became of them, in their order.

    Spread over as many processes as they are worth, `processes` at most.
    """
    processes = min(processes, len(chosen) // A_PROCESS_MORE)
    if processes < 2:
        with _opened(folder) as rehearsal:
            for case in chosen:
                yield Result(case, *_timed(rehearsal, case.sequence, case.story))
        return
    # Started anew, not forked: a copy of this process might hold locks of threads it lacks.
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, start, _open, (folder,)) as pool:
        names, stories = [case.sequence for case in chosen], [case.story for case in chosen]
        for case, done in zip(chosen, pool.map(_play, names, stories, chunksize=4), strict=True):
            yield Result(case, *done)


@contextmanager
def _opened(folder: Path) -> Iterator[Rehearsal]:
    """What a pass that fails has to say in full goes into the workspace's log."""
    with (
        logs.logging_to(logs.log_file(folder), level=logging.WARNING),
        open_rehearsal(folder) as rehearsal,
    ):
        yield rehearsal


def _timed(rehearsal: Rehearsal, sequence: str, story: Story) -> tuple[Played, float]:
    began = time.monotonic()
    return play(rehearsal, sequence, story), time.monotonic() - began


_open_here: dict[str, Rehearsal] = {}
_until_exit = ExitStack()
"""In a process of the pool: its rehearsal, open as long as the process lives."""


def _open(folder: Path) -> None:
    _open_here["rehearsal"] = _until_exit.enter_context(_opened(folder))


def _play(sequence: str, story: Story) -> tuple[Played, float]:
    return _timed(_open_here["rehearsal"], sequence, story)
