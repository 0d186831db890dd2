"""`nurture up` as a process of its own, and what can be asked of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

PROGRAM = [sys.executable, "-c", "from app.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]


def until(true: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """What `true` answers once it is true; the look of every minute comes too late for this."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


@dataclass
class Live:
    """A running `nurture up`."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.said = self.folder / f"said-{time.monotonic_ns()}.txt"
        free = {"NURTURE_PORT": "0", "NURTURE_PREFECT_PORT": "0"}
        with self.said.open("wb") as sink:
            self.process = subprocess.Popen(
                [*PROGRAM, "up", "--workspace", str(self.folder)],
                env={**os.environ, **free, **self.environ},
                cwd=ROOT,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def address(self, name: str) -> str:
        """Where something is to be found, as it was printed."""

        def told() -> re.Match[str] | None:
            assert self.process.poll() is None, self.said.read_text()
            return re.search(rf"^{name} +(http\S+)$", self.said.read_text(), re.MULTILINE)

        return str(until(told, f"{name}: {self.said}", 60)[1])

    def health(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.address('App')}/health", timeout=40).json())

    def tell(self, token: str, lead: str) -> None:
        """Post the sign-up of a lead."""
        answer = httpx.post(
            f"{self.address('App')}/engagements",
            json=[sign_up(lead)],
            headers={"authorization": f"Bearer {token}"},
            timeout=40,
        )
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(90)

    def children(self) -> list[int]:
        """The Prefect servers that were started by this process, whoever their parent is now."""
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdecimal():
                try:
                    words = (place / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if any(word.endswith(b"prefect_child.py") for word in words):
                    found += [int(place.name)] * (str(self.process.pid).encode() in words)
        return found


def sign_up(lead: str) -> dict[str, Any]:
    return {
        "source": "website", "key": f"trial of {lead}", "kind": "form_submitted", "lead": lead,
        "occurred_at": datetime.now(UTC).isoformat(), "properties": {"form": "trial"},
    }  # fmt: skip


def mails(folder: Path, lead: str) -> list[Path]:
    """The mails of a lead in the Maildir."""
    new = (folder / ".nurture" / "maildir").glob("new/*")
    return [mail for mail in new if f"\nTo: {lead}".encode() in b"\n" + mail.read_bytes()]
