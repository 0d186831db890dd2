"""`nurture test`: plays the stories of sequences and says which did not come out as told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.opening import chosen
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from app.stories.running import Case, Result


MOST_NAMED = 12


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(
        "test",
        epilog=example(
            "nurture test",
            'nurture test trial-welcome --story "a demo ends the trial mails"',
            "nurture test --junit stories.xml",
        ),
    )(play)


def play(
    sequences: Annotated[
        list[str] | None, typer.Argument(metavar="SEQUENCE", help="Only those of these.")
    ] = None,
    story: Annotated[
        str, typer.Option("--story", metavar="NAME", help="Only the story of this name.")
    ] = "",
    update: Annotated[
        bool,
        typer.Option("--update", help="Write what came of it into the files, as what is expected."),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write JUnit XML too.", dir_okay=False),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Play the stories of sequences in memory, on a clock that jumps, and compare.

    The workspace's files are played as they stand, applied or not; no mail goes out.
    """
    from app.settings import read_settings
    from app.stories import running
    from app.wiring import workspace_folder

    folder = workspace_folder(chosen(workspace, read_settings()))
    asked = _asked(running.cases(folder), sequences or (), story)
    with _counting(len(asked)) as counted:
        played = running.play_all(folder, asked, processes=os.cpu_count() or 1)
        results = list(counted(played))
    if junit is not None:
        from app.stories.junit import junit as document

        junit.write_bytes(document(results))
    changed = []
    if update:
        from app.stories.updating import update as rewrite

        changed = rewrite(folder, results)
    left = [each for each in results if each.played.trouble or (each.played.failed and not update)]
    if as_json:
        show.document(_document(results, changed))
    else:
        _tell(results, left, changed)
    if left:
        raise typer.Exit(1)


def _asked(cases: Sequence[Case], sequences: Sequence[str], story: str) -> list[Case]:
    """The stories asked for; wrong usage, with the nearest names, where there are none."""
    known = sorted({case.sequence for case in cases})
    for name in sequences:
        if name not in known:
            raise _nothing(f"no sequence with tests is called {name}", name, known, "SEQUENCE")
    found = [case for case in cases if not sequences or case.sequence in sequences]
    if story and not any(case.story.name == story for case in found):
        names = [case.story.name for case in found]
        raise _nothing(f"no story is called “{story}”", story, names, "--story")
    return [case for case in found if not story or case.story.name == story]


def _nothing(said: str, name: str, known: Sequence[str], hint: str) -> typer.BadParameter:
    from nurture.calendar.nearest import suggestion

    near = suggestion(name, known) or f" There are: {', '.join(known[:MOST_NAMED])}."
    return typer.BadParameter(f"{said}.{near if known else ''}", param_hint=hint)


@contextmanager
def _counting(total: int) -> Iterator[Any]:
    """Passes results through, with a bar on a terminal."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda results: results
        return
    from rich.console import Console
    from rich.progress import track

    yield lambda results: track(
        results, description="stories", total=total, console=Console(stderr=True), transient=True
    )


def _tell(
    results: Sequence[Result], failed: Sequence[Result], changed: Sequence[tuple[str, int]]
) -> None:
    if not results:
        return show.say("No sequence has tests. docs/language.md shows how they are written.")
    for each in failed:
        _failure(each)
    for sequence, group in groupby(results, key=lambda each: each.case.sequence):
        passed = [each.played.passed for each in group]
        said = f", {passed.count(False)} failed" if False in passed else ""
        show.say(f"{sequence}: {passed.count(True)} passed{said}")
    for file, count in changed:
        show.say(f"{file}: {count} expectation{'s' if count > 1 else ''} rewritten")
    return None


def _failure(result: Result) -> None:
    """The lead's timeline, and below it, marked, the first thing that is not as told."""
    from app.stories.telling import wrongs

    case, played = result.case, result.played
    show.heading(f"failed: {case.sequence}: {case.story.name} ({case.place()})")
    rows = [
        ("", show.when(line.at, played.zone), line.what, line.text, line.reason, line.path)
        for line in played.lines
    ]
    (first, where), *others = wrongs(result)
    at = show.when(played.failed[0].at, played.zone) if played.failed else ""
    rows.append((">>>", at, "story", first, "", where))
    show.table(("", "when", "what", "happened", "why", "by"), rows)
    for what, place in others:
        show.say(f"     then: {what} ({place})")
    show.say(f"     Times in {played.zone}.\n")


def _document(results: Iterable[Result], changed: Sequence[tuple[str, int]]) -> dict[str, Any]:
    listed = list(results)
    failed = sum(not each.played.passed for each in listed)
    return {
        "passed": len(listed) - failed,
        "failed": failed,
        "stories": [_one(each) for each in listed],
        "rewritten": dict(changed),
    }


def _one(result: Result) -> dict[str, Any]:
    from app.stories.telling import wrongs

    case, played = result.case, result.played
    return {
        "sequence": case.sequence,
        "name": case.story.name,
        "place": case.place(),
        "passed": played.passed,
        "seconds": round(result.seconds, 3),
        "wrong": [{"what": what, "place": place} for what, place in wrongs(result)],
        "differences": [
            {"at": failed.at, **show.plain(each)}
            for failed in played.failed
            for each in failed.differences
        ],
        "trouble": played.trouble,
        "timeline": played.lines,
    }
