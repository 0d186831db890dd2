"""Measurements in processes of their own, so that memory and start-up belong to them alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def ask(module: str, *arguments: object, seconds: float = 300) -> Any:
    """Run `python -m module arguments`; the JSON of its last line, or its words on failure."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-6:]
        raise RuntimeError(f"{module} ended with {done.returncode}: " + "\n".join(said))
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextlib.contextmanager
def running(
    *command: object, log: Path, environ: Mapping[str, str] | None = None, patience: float = 40
) -> Iterator[subprocess.Popen[str]]:
    """A program for as long as the block lasts: asked to end, then killed; stderr goes to `log`."""
    with log.open("w") as said:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=None if environ is None else dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def tail(log: Path, lines: int = 5) -> str:
    """The end of a program's words."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def cpu_seconds(pid: int) -> float:
    """The processor time a process has used so far, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
