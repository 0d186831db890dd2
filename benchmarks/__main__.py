"""`python -m benchmarks [NAME …] [--json]`: every benchmark, or those named, one after another.

Each runs in a process of its own, within a time limit.  One that cannot run here, or fails, is
said aloud and the others go on.  Exit code 0: each target was met; 1: one was missed, or a
benchmark failed; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence

from benchmarks import alone, children, ledgers
from benchmarks.figures import Figure, table
from nurture.calendar.nearest import nearest

ALL = ("advance", "scale", "durable", "mail", "intake", "notice", "flow", "idle", "memory",
       "stories", "simulate", "routing")  # fmt: skip
LIMIT = 300.0
"""Seconds one benchmark may take."""


def main(arguments: Sequence[str]) -> int:
    """Run them and print the summary."""
    said = _parsed(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what runs is ended on the way out
    found: list[tuple[str, Figure]] = []
    absent: dict[str, str] = {}
    if not ledgers.POSTGRES:
        absent["PostgreSQL"] = f"{ledgers.VARIABLE} is not set: every figure is of SQLite alone"
    failed: dict[str, str] = {}
    for name in said.names or ALL:
        began = time.perf_counter()
        try:
            for line in children.lines("benchmarks.alone", name, seconds=LIMIT):
                found.append((name, _figure(line)))
                _tell(f"{name}: {found[-1][1].what}: {found[-1][1].value}  {found[-1][1].detail}")
        except children.Failed as error:
            (absent if error.code == alone.MISSING else failed)[name] = str(error)
            _tell(f"{name}: {'not run' if name in absent else 'FAILED'}: {error}")
        _tell(f"{name}: {time.perf_counter() - began:.0f} s")
    if said.json:
        rows = [{"benchmark": name, **figure.plain()} for name, figure in found]
        print(json.dumps({"figures": rows, "not_run": absent, "failed": failed}, indent=2))
    else:
        _summary(found, absent, failed)
    return 1 if failed or any(figure.met is False for _, figure in found) else 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    said = parser.parse_args(arguments)
    for name in said.names:
        if name not in ALL:
            near = nearest(name, ALL, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            parser.error(f"there is no benchmark {name!r}{meant} There are: {', '.join(ALL)}")
    return said


def _figure(line: str) -> Figure:
    fields = json.loads(line)
    fields.pop("met")
    return Figure(**fields)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _summary(
    found: list[tuple[str, Figure]], absent: dict[str, str], failed: dict[str, str]
) -> None:
    if found:
        print(table(found))
    for words, names in (("not run", absent), ("FAILED", failed)):
        for name, why in names.items():
            print(f"{name}: {words}: {why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
