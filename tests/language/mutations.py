"""Files broken at random, and what must come of them: problems with places, nothing else.

`make mutations` tries ten thousand and prints what it saw; the suite tries the first few.  A number
is one mutation, the same on every machine.
"""

from __future__ import annotations

import random
import re
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nurture.delivery.mails.trial import trial
from nurture.language.applied.differences import differences
from nurture.language.applied.loading import build
from nurture.language.checks.rules import RULES
from nurture.language.checks.validate import MODELS, Checked, check
from nurture.language.compiled.graph import graph_of
from nurture.language.reading.folder import SourceFile, load_workspace
from nurture.language.text.problems import Problem
from nurture.ledger import tables as t

WIDE = Path(__file__).with_name("wide")
STARTER = Path(__file__).parents[2] / "templates" / "workspace"
HOSTILE = (
    "", "~", "null", "true", "-1", "0", "1e999", "99999999999999999999", "2 fortnights", "25:00",
    "[]", "{}", "[[[]]]", "&a x", "*a", "!!python/object:os.system x", "<<: {a: 1}", '"', "'", "|",
    "\t", "# x", "---", "...", "{{ x }}", "{% for %}", "é\u202e", "\x00", "a" * 5_000,
    "{not: {not: {not: {score: 1}}}}", "{any: []}", "{event: x, where: {event: y}}",
    "- - - x", "? x", "%TAG ! x", "https://[::1", "2026-02-30", "never", "after 0 days",
)  # fmt: skip
SECONDS = 20
"""So long may looking at one broken workspace take."""
MOST_MEGABYTES = 200
TOKEN = re.compile(r"[\w.@/%-]+|[{}\[\]:,\"'-]")


@lru_cache(maxsize=2)
def _files(folder: Path) -> tuple[SourceFile, ...]:
    return tuple(load_workspace(folder))


@lru_cache(maxsize=1)
def _words() -> list[str]:
    """Every key and value the two workspaces use."""
    every = (file.data.decode() for folder in (WIDE, STARTER) for file in _files(folder))
    return sorted({word for text in every for word in TOKEN.findall(text)})


def mutated(number: int) -> list[SourceFile]:
    """A workspace with one or two of its files changed in one to four places."""
    draw = random.Random(number)
    files = list(_files(draw.choice((WIDE, STARTER))))
    for _ in range(draw.choice((1, 1, 1, 2))):
        place = draw.randrange(len(files))
        data = files[place].data
        for _ in range(draw.randint(1, 4)):
            data = _changed(draw, data)
        files[place] = replace(files[place], data=data)
    return files


def _changed(draw: random.Random, data: bytes) -> bytes:
    if draw.random() < 0.1:
        at = draw.randrange(len(data) + 1)
        return data[:at] + draw.randbytes(draw.randint(1, 6)) + data[at + draw.randint(0, 6) :]
    text = data.decode(errors="surrogateescape")
    if draw.random() < 0.5:
        return _other_word(draw, text).encode(errors="surrogateescape")
    lines = text.splitlines(keepends=True) or [""]
    return "".join(_other_lines(draw, lines)).encode(errors="surrogateescape")


def _other_word(draw: random.Random, text: str) -> str:
    found = list(TOKEN.finditer(text))
    if not found:
        return draw.choice(HOSTILE)
    word = draw.choice(found)
    new = draw.choice(HOSTILE) if draw.random() < 0.4 else draw.choice(_words())
    return text[: word.start()] + new + text[word.end() :]


def _other_lines(draw: random.Random, lines: Sequence[str]) -> list[str]:
    """A line gone, twice, elsewhere, deeper or shallower, or a new key beside it."""
    changed = list(lines)
    at, other = draw.randrange(len(changed)), draw.randrange(len(changed))
    indent = changed[at][: len(changed[at]) - len(changed[at].lstrip())]
    match draw.randrange(6):
        case 0:
            del changed[at]
        case 1:
            changed.insert(at, changed[other])
        case 2:
            changed[at], changed[other] = changed[other], changed[at]
        case 3:
            changed[at] = "  " + changed[at]
        case 4:
            changed[at] = changed[at].removeprefix("  ")
        case _:
            value = draw.choice((*HOSTILE, *_words()))
            changed.insert(at, f"{indent}{draw.choice(_words())}: {value}\n")
    return changed


def look_at(number: int) -> str:
    """Check one broken workspace, and compile, compare and draw what passes; what came of it.

    AssertionError, or whatever it should not raise, with the number to try it again.
    """
    with _in_time(number):
        files = mutated(number)
        checked = check(files, (), trial)
        for problem in checked.problems:
            _has_a_place(problem, number)
        if any(problem.severity == "error" for problem in checked.problems):
            return "refused"
        _go_on(checked)
        return "accepted"


def _has_a_place(problem: Problem, number: int) -> None:
    assert problem.rule in RULES, (number, problem.rule)
    assert problem.line >= 1, (number, problem)
    assert problem.column >= 1, (number, problem)
    assert str(problem).startswith(f"{problem.file}:{problem.line}:{problem.column}: "), number


def _go_on(checked: Checked) -> None:
    rows = [
        t.Definition(id=at, kind=file.kind, name=checked.name_of(file), source=file.definition)
        for at, file in enumerate(checked.files, start=1)
    ]
    definitions = build(rows)
    assert not definitions.unreadable, definitions.unreadable
    for program in definitions.active.values():
        graph_of(program)
    for row in rows:
        if row.kind in MODELS:
            differences(row.kind, "", row.source)  # type: ignore[arg-type]


@contextmanager
def _in_time(number: int) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise AssertionError(f"mutation {number} takes longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    except BaseException as error:
        error.add_note(f"mutation {number}")
        raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def some(numbers: range) -> tuple[Counter[str], float]:
    """What came of some mutations, and how much memory this process has taken meanwhile (MB)."""
    look_at(-1)
    before = _megabytes()
    return Counter(map(look_at, numbers)), _megabytes() - before


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> None:
    """Try so many on two cores, and say what was seen; ends with 1 when memory grew too much."""
    shares = [range(count)[first::20] for first in range(20)]
    seen: Counter[str] = Counter()
    grown = 0.0
    with ProcessPoolExecutor(2) as pool:
        for found, more in pool.map(some, shares):
            seen += found
            grown = max(grown, more)
            sys.stdout.write(f"{seen.total():,} of {count:,}: {dict(seen)}, {grown:.0f} MB more\n")
    if grown > MOST_MEGABYTES:
        raise SystemExit(f"memory grew by {grown:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
