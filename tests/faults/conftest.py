"""A mail server in a process of its own, senders to be killed, and the invariants."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.deliver import deliver
from nurture.delivery.sweep import sweep
from nurture.ledger.engine import Ledger
from nurture.ledger.tables.messages import FINAL
from tests.delivery.mailing import MESSAGE, a_round, due_enrolments, fill
from tests.faults import sender
from tests.fixtures_ledger import ledger, migrated_ledger
from tests.processes import CHILDREN, Child, ended

__all__ = ["ledger", "migrated_ledger"]

ROOT = Path(__file__).resolve().parents[2]
SINK = ROOT / "tests/delivery/sink.py"


@dataclass
class Scene:
    """A ledger with due mail, a server that keeps what it accepts, and senders."""

    ledger: Ledger
    port: int
    accepted_file: Path
    children: list[Child] = field(default_factory=list)

    def fill(self, leads: int) -> None:
        """So many leads, each due for one mail."""
        now = datetime.now(UTC) - timedelta(minutes=1)
        fill(self.ledger, [f"lead{n}" for n in range(leads)], now=now)

    def start(self, **how: Any) -> Child:
        """Start a sender; `how` is told to `sender.run`."""
        url = self.ledger.engine.url.render_as_string(hide_password=False)
        child = CHILDREN.Process(target=sender.run, args=(url, self.port), kwargs=how)
        child.start()
        self.children.append(child)
        return child

    def run(self, **how: Any) -> int | None:
        """Run a sender to its end; how it ended."""
        return ended(self.start(**how), 40)

    def finish(self, *, later: timedelta = timedelta(hours=1)) -> None:
        """Sweep after every lease has ended, and send what may still be sent."""
        now = datetime.now(UTC) + later
        transport = SmtpTransport(SmtpSettings("127.0.0.1", self.port, tls="off", timeout=10))
        with self.ledger.begin() as session:
            sweep(session, now=now)
        deliver(a_round(self.ledger, clock=lambda: now), transport)

    def accepted(self) -> Counter[str]:
        """How often the server accepted each Message-ID."""
        if not self.accepted_file.exists():
            return Counter()
        lines = self.accepted_file.read_text().splitlines()
        return Counter(line.split(" ")[0] for line in lines)

    def by_state(self) -> dict[str, list[str]]:
        """The Message-IDs in each state."""
        found: dict[str, list[str]] = {}
        with self.ledger.begin() as session:
            for state, identity in session.execute(select(MESSAGE.c.state, MESSAGE.c.message_id)):
                found.setdefault(state, []).append(identity)
        return found

    def check(self, *, unknown: int) -> None:
        """The invariants of sending, with at most so many mails of unknown fate."""
        accepted, states = self.accepted(), self.by_state()
        twice = [identity for identity, times in accepted.items() if times > 1]
        assert not twice, f"{len(twice)} mails were accepted twice"
        lost = set(states.get("sent", ())) - set(accepted)
        assert not lost, f"{len(lost)} mails are called sent that the server never had"
        hidden = set(accepted) - {*states.get("sent", ()), *states.get("unknown", ())}
        assert not hidden, f"{len(hidden)} accepted mails are neither sent nor unknown"
        assert set(states) <= {*FINAL, "unknown"}, f"something is still in hand: {set(states)}"
        assert len(states.get("unknown", ())) <= unknown
        waiting = [number for number, due in due_enrolments(self.ledger).items() if due is None]
        assert not waiting, f"{len(waiting)} leads wait for ever behind their mail"


@pytest.fixture
def scene(ledger: Ledger, tmp_path: Path) -> Iterator[Scene]:
    accepted = tmp_path / "accepted"
    sink = subprocess.Popen(
        [sys.executable, str(SINK), "--accepted", str(accepted)], stdout=subprocess.PIPE, text=True
    )
    assert sink.stdout is not None
    made = Scene(ledger, int(sink.stdout.readline()), accepted)
    try:
        yield made
    finally:
        for child in made.children:
            child.kill()
            child.join(10)
        sink.kill()
        sink.wait(timeout=10)
        sink.stdout.close()
