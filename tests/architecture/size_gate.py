"""The size gate: `python tests/architecture/size_gate.py [FOLDER]`, part of `make lint`.

A Python file over 300 lines is listed, over 400 it fails; a function over 60 lines fails.
Lines are counted as they stand in the file, comments and docstrings included; a function runs
from its first decorator to its last line.  A file that is not Python fails as well.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_AIM = 300
FILE_LIMIT = 400
FUNCTION_LIMIT = 60
ROOMS = ("nurture", "handoff", "insight", "flows", "app", "templates", "tests", "benchmarks")

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Finding:
    """One thing that is too long; `fails` says whether it stops `make lint`."""

    place: str
    what: str
    fails: bool

    def __str__(self) -> str:
        return f"{'error' if self.fails else 'warning'}: {self.place}: {self.what}"


def judge(source: str, name: str) -> Iterator[Finding]:
    """What is too long in one file; `name` is how the findings call it."""
    lines = len(source.splitlines())
    if lines > FILE_LIMIT:
        yield Finding(name, f"{lines} lines, the limit is {FILE_LIMIT}: split it by noun", True)
    elif lines > FILE_AIM:
        yield Finding(name, f"{lines} lines, the aim is {FILE_AIM}", False)
    try:
        tree = ast.parse(source)
    except SyntaxError as problem:
        yield Finding(f"{name}:{problem.lineno}", f"not Python: {problem.msg}", True)
        return
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            length = (node.end_lineno or node.lineno) - first + 1
            if length > FUNCTION_LIMIT:
                what = f"{node.name} has {length} lines, the limit is {FUNCTION_LIMIT}"
                yield Finding(f"{name}:{first}", what, True)


def inspect(root: Path) -> list[Finding]:
    """Every finding in every room below `root`, files in order of name."""
    files = sorted(file for room in ROOMS for file in (root / room).rglob("*.py"))
    return [
        finding
        for file in files
        for finding in judge(file.read_text(encoding="utf-8"), str(file.relative_to(root)))
    ]


def main(arguments: list[str]) -> int:
    """Print the findings; 1 when one of them fails the gate."""
    root = Path(arguments[0]) if arguments else Path.cwd()
    findings = inspect(root)
    for finding in findings:
        print(finding)
    failed = sum(finding.fails for finding in findings)
    print(f"size gate: {failed} too long, {len(findings) - failed} above the aim")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
