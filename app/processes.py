"""Which process holds a lease, and whether it still runs: `host:pid:start/number`.

The start time tells a process from a later one with the same number.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
from pathlib import Path

_numbers = itertools.count(1)


def own_name() -> str:
    """A name for one run of this process; every call gives another."""
    pid = os.getpid()
    return f"{_host()}:{pid}:{_start_of(pid)}/{next(_numbers)}"


def alive(owner: str) -> bool:
    """False only when the process that `owner` names is certainly gone.

    Of another machine's process nothing can be said: it counts as alive, its lease decides.
    """
    parts = owner.partition("/")[0].rsplit(":", 2)
    if len(parts) != 3 or parts[0] != _host() or not parts[1].isdecimal():
        return True
    pid = int(parts[1])
    if not _runs(pid):
        return False
    started = _start_of(pid)
    return not started or not parts[2] or started == parts[2]


def _host() -> str:
    return socket.gethostname().replace("/", "-") or "localhost"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _state_of(pid) != "Z"  # a zombie does nothing any more


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, [] where there is no such file."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _state_of(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _start_of(pid: int) -> str:
    """When the process started, in a spelling that only needs to be the same twice."""
    fields = _stat(pid)
    if len(fields) > 19:
        return fields[19]
    try:
        told = subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return "-".join(told.stdout.split()).replace(":", ".")
