"""The engine live: `nurture up` in a process of its own, somebody who posts, and who takes mail."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

from app.clocks import wall_clock
from benchmarks import children
from benchmarks.children import ROOT

NOWHERE = "http://127.0.0.1:9/api"
PREFECT_WAIT = 60.0


class Client:
    """Posts engagements over one kept-alive connection."""

    def __init__(self, url: str, token: str) -> None:
        self.connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(self, kind: str, leads: list[int], key: str, **properties: str) -> None:
        """One engagement of each lead, now; raises unless all are accepted."""
        at = wall_clock().isoformat()
        batch = [
            {
                "source": "website",
                "key": f"{key}-{lead}",
                "kind": kind,
                "lead": f"lead{lead}@example.test",
                "occurred_at": at,
                "properties": properties,
            }
            for lead in leads
        ]
        self.connection.request("POST", "/engagements", json.dumps(batch), self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        assert answer.status == 202, said
        assert json.loads(said)["accepted"] == len(leads), said


@contextlib.contextmanager
def up(folder: Path, *, prefect_port: int = 0) -> Iterator[str]:
    """`nurture up` in the folder; the address of its web app, once Prefect answers at its port.

    Port 0: no Prefect at all, so that ticks run plainly.
    """
    log = folder.parent / "up.log"
    environ = dict(os.environ, NURTURE_PORT="0", NURTURE_PREFECT_PORT=str(prefect_port))
    if not prefect_port:
        environ["NURTURE_PREFECT_API_URL"] = NOWHERE
    program = "from app.cli import main; main()"
    command = (sys.executable, "-u", "-c", program, "up", "--workspace", folder)
    with children.running(*command, log=log, environ=environ) as child:
        assert child.stdout is not None
        url = ""
        for line in child.stdout:
            if line.startswith("App "):
                url = line.split()[1]
                break
        assert url, children.tail(log)
        deadline = time.monotonic() + PREFECT_WAIT
        while prefect_port and _health(url).get("prefect") != "answers":
            assert time.monotonic() < deadline, "Prefect did not answer"
            time.sleep(0.5)
        yield url


def _health(url: str) -> dict[str, str]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/health")
    said: dict[str, str] = json.loads(connection.getresponse().read())
    connection.close()
    return said


@contextlib.contextmanager
def sink(accepted: Path) -> Iterator[int]:
    """The SMTP server of the tests; its port."""
    accepted.touch()
    script = ROOT / "tests" / "delivery" / "sink.py"
    command = [sys.executable, str(script), "--accepted", str(accepted)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
