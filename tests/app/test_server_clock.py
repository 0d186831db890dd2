"""The database's time: asked for now and then, counted on in between, never waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app import clocks
from app.clocks import ASK_EVERY, PROMPT, ServerClock, clock_of, wall_clock
from nurture.ledger.engine import Ledger, open_ledger
from tests.app.live import until
from tests.fixtures_ledger import NOW


@dataclass
class Server:
    """A server that says what it is told, and this machine's count of seconds."""

    says: datetime = NOW
    count: float = 1000.0
    asked: int = 0
    takes: list[float] = field(default_factory=list)
    gone: bool = False
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def time(self, _session: Session) -> datetime:
        self.asked += 1
        if self.gone:
            raise OperationalError("SELECT", {}, OSError("no such host"))
        assert self.may_answer.wait(30)
        self.count += self.takes.pop(0) if self.takes else 0.0
        return self.says


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(clocks, "server_time", made.time)
    monkeypatch.setattr(clocks, "_count", lambda: made.count)
    return made


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Any; what it would answer is the server's to say."""
    opened = open_ledger("sqlite://")
    yield opened
    opened.close()


def test_a_ledger_on_sqlite_goes_by_its_machines_clock(ledger: Ledger) -> None:
    with clock_of(ledger) as clock:
        assert clock is wall_clock


def test_between_two_questions_time_passes_as_the_machine_counts(
    server: Server, ledger: Ledger
) -> None:
    clock = ServerClock(ledger)
    for seconds in (0, 7, ASK_EVERY):
        server.count = 1000.0 + seconds
        assert clock() == NOW + timedelta(seconds=seconds)
    assert server.asked == 1


def test_nobody_waits_for_the_server_to_be_asked_again(server: Server, ledger: Ledger) -> None:
    clock = ServerClock(ledger)
    server.may_answer.clear()
    server.count += ASK_EVERY + 1
    server.says += timedelta(hours=1)  # its clock was set
    counted = NOW + timedelta(seconds=ASK_EVERY + 1)
    assert (clock(), clock()) == (counted, counted)
    until(lambda: server.asked == 2, "it was not asked")
    server.may_answer.set()
    until(lambda: clock() == server.says, "its answer was not heard")
    clock.close()
    assert server.asked == 2, "one question at a time"


def test_while_the_server_does_not_answer_the_last_answer_counts_on(
    server: Server, ledger: Ledger
) -> None:
    clock = ServerClock(ledger)
    server.gone = True
    server.count += ASK_EVERY + 1
    assert clock() == NOW + timedelta(seconds=ASK_EVERY + 1)
    until(lambda: server.asked == 2, "it was not asked")
    server.gone, server.says = False, NOW - timedelta(minutes=5)
    until(lambda: clock() == server.says, "it was not asked again")


def test_an_answer_that_took_long_is_asked_for_anew(server: Server, ledger: Ledger) -> None:
    server.takes = [600 * PROMPT, PROMPT]
    clock = ServerClock(ledger)
    assert server.asked == 2
    assert clock() == NOW + timedelta(seconds=PROMPT / 2)


def test_once_closed_it_asks_no_more_and_goes_on(server: Server, ledger: Ledger) -> None:
    clock = ServerClock(ledger)
    clock.close()
    server.count += 2 * ASK_EVERY
    assert clock() == NOW + timedelta(seconds=2 * ASK_EVERY)
    assert server.asked == 1
