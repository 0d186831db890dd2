"""Measurements in processes of their own, so that memory and start-up belong to them alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0
"""Seconds a program has to end after it was asked to."""


class Failed(Exception):
    """A program did not end well; the words are its own last ones, `code` its exit code."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


def ask(module: str, *arguments: object, seconds: float = 240) -> Any:
    """Run `python -m module arguments`; the JSON of its last line.  Raises Failed."""
    try:
        done = subprocess.run(
            _python(module, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{module} took longer than {seconds:.0f} s", -1) from None
    if done.returncode:
        raise Failed(_end_of(done.stderr), done.returncode)
    return json.loads(done.stdout.strip().splitlines()[-1])


def lines(module: str, *arguments: object, seconds: float) -> Iterator[str]:
    """What `python -m module arguments` prints, line by line as it comes.  Raises Failed.

    It leads a process group of its own: what it left running ends with it, also when time is up.
    """
    command = _python(module, *arguments)
    late = threading.Event()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )

        def end() -> None:
            late.set()
            _end_group(process)

        timer = threading.Timer(seconds, end)
        assert process.stdout is not None
        timer.start()
        try:
            yield from process.stdout
            code = process.wait()
        finally:
            timer.cancel()
            _end_group(process)
            process.stdout.close()
        said.seek(0)
        if late.is_set():
            raise Failed(f"took longer than {seconds:.0f} s", -1)
        if code:
            raise Failed(_end_of(said.read()), code)


def _python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def _end_of(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-6:]) or "no word was said"


def _end_group(process: subprocess.Popen[str]) -> None:
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
            return


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
