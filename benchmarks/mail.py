"""Personalised mail from due to recorded as sent, against Postfix's C program pushing ready ones.

Both talk to the same `smtp-sink` over loopback with mails of the same size.  `smtp-source` sends
one body again and again; the engine claims, renders, composes, freezes, hands over and settles each
mail in the ledger.  Before a ratio is printed, ledger and server must have counted alike.

Needs Debian's postfix package.  `python -m benchmarks.mail` prints a profile.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import text

from benchmarks import ledgers
from benchmarks.figures import Figure, Missing
from benchmarks.ledgers import NOW
from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.deliver import Round, deliver
from nurture.delivery.mails.press import Press
from nurture.delivery.waiting import link_keeper
from nurture.language.compiled.definitions import Template
from nurture.ledger.engine import Ledger
from nurture.sequences.openings import keep_openings

MAILS = 10_000
OCTETS = 8192
RUNS = 3
SAID = "Teams who measure how fast they answer win more of the deals they answer. "
HTML = (
    "<html><body><h1>Hello {{ lead.first_name }}</h1>"
    + f"<p>{SAID * 10}</p>\n" * 4
    + '<p>{{ lead.first_name }}, see <a href="https://www.example.test/guide">the guide</a> for '
    + '{{ lead.company or "your company" }} or <a href="https://www.example.test/demo">ask</a>.</p>'
    + '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)


@dataclass
class Sink:
    """A running smtp-sink and how many mails it has taken."""

    port: int
    counters: Path

    def taken(self) -> int:
        """Mails taken since it was started."""
        found = re.findall(r"mesg=(\d+)", self.counters.read_text())
        return int(found[-1]) if found else 0


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """smtp-sink on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        counters = Path(folder) / "counters"
        user = ["-u", "postfix"] if os.geteuid() == 0 else []
        command = ["smtp-sink", "-c", *user, f"127.0.0.1:{port}", "1000"]
        with counters.open("wb") as out:
            process = subprocess.Popen([_program(command[0]), *command[1:]], stdout=out)
        try:
            _wait_for(port)
            yield Sink(port, counters)
        finally:
            process.kill()
            process.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        raise Missing(f"{name} is not installed: apt install postfix")
    return found


def _wait_for(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError("smtp-sink did not start")


def source(sink: Sink, *, connections: int) -> float:
    """Mails a second of smtp-source."""
    before = sink.taken()
    command = ["-d", "-l", str(OCTETS), "-m", str(MAILS), "-s", str(connections)]
    began = time.perf_counter()
    subprocess.run(
        [_program("smtp-source"), *command, f"127.0.0.1:{sink.port}"], check=True, timeout=120
    )
    seconds = time.perf_counter() - began
    assert sink.taken() - before == MAILS
    return MAILS / seconds


def engine(url: str, sink: Sink, *, connections: int, profile: bool = False) -> float:
    """Mails a second of the engine, each from `due` to `sent` in the ledger."""
    ledger = ledgers.fresh(url)
    try:
        _fill(ledger)
        before = sink.taken()
        transport = SmtpTransport(SmtpSettings("127.0.0.1", sink.port, tls="off", timeout=20))
        round_ = _round(ledger)
        profiler = cProfile.Profile()
        began = time.perf_counter()
        if profile:
            profiler.enable()
        while deliver(round_, transport, connections=connections, limit=MAILS).more:
            pass
        profiler.disable()
        seconds = time.perf_counter() - began
        if profile:
            pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
        with ledger.begin() as session:
            sent = session.execute(text("SELECT count(*) FROM message WHERE state = 'sent'"))
            assert sent.scalar_one() == MAILS == sink.taken() - before
        return MAILS / seconds
    finally:
        ledger.close()


def _round(ledger: Ledger) -> Round:
    template = Template("hello", "{{ lead.first_name }}, a word", "For you", "tips", HTML, "", "h")
    rules = replace(ledgers.definitions(), templates={"hello": template})
    press = Press(rules, (b"k" * 32,), link_keeper(ledger))
    return Round(ledger, rules, press, "bench", lambda: NOW, lambda: False)


def _fill(ledger: Ledger) -> None:
    ledgers.fill(ledger, MAILS)
    now = int(NOW.timestamp()) * 1_000_000
    columns = "enrolment_id, step, lead_id, template, topic, path, planned_at, due_at, allowed_at"
    constants = "'nurture', 'due', 'lead', 1, 0, 0, '', '', '', '', '', '', ''"
    with ledger.begin() as session:
        session.execute(text("UPDATE enrolment SET position = 2, due_at = NULL"))
        session.execute(
            text(
                f"INSERT INTO message ({columns}, kind, state, zone, occurrence, generation, "
                "attempts, reason, owner, recipient, sender, subject, message_id, reply) "
                "SELECT id, 'send:hello#1', lead_id, 'hello', 'tips', 'bench/a/1', :now, :now, "
                f":now, {constants} FROM enrolment ORDER BY id"
            ),
            {"now": now},
        )
        keep_openings(session, ledgers.definitions(), now=NOW)
    if ledger.dialect == "postgresql":
        with ledger.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("VACUUM ANALYZE message, enrolment")
            )


def measure() -> Iterator[Figure]:
    """The ratio of mails a second, engine over smtp-source."""
    with ledgers.ledgers() as found, smtp_sink() as sink:
        for name, url in found:
            for connections, bound in ((1, 1.0), (4, 0.5)):
                pairs = [
                    (source(sink, connections=connections),
                     engine(url, sink, connections=connections))
                    for _ in range(RUNS)
                ]  # fmt: skip
                ratios = sorted(ours / theirs for theirs, ours in pairs)
                yield Figure(
                    f"{name}: mail on {connections} connection(s), of smtp-source",
                    ratios[RUNS // 2],
                    at_least=bound,
                    detail=f"({ratios[0]:.2f} to {ratios[-1]:.2f}; smtp-source "
                    f"{max(p[0] for p in pairs):,.0f} mails/s, engine "
                    f"{max(p[1] for p in pairs):,.0f})",
                )


def profile() -> None:
    """Where the engine's time goes, on SQLite and one connection."""
    with ledgers.ledgers() as found, smtp_sink() as sink:
        engine(found[0][1], sink, connections=1, profile=True)


if __name__ == "__main__":
    profile()
