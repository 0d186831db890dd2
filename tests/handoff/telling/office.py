"""An office that tells through channels: what the tests of notices sent out share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from app.telling.notice_forms import notice_templates
from handoff.routing.assignment import assign
from handoff.telling import posting as passes
from handoff.telling.notice_press import NoticePress
from handoff.telling.notices import write_notices
from handoff.telling.notifier import Telling
from handoff.telling.posting import Posting, post_out
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.tally import Tally
from nurture.webhooks.port import Answer
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

KEYS = (b"a key of sixteen octets or more",)
DONE, NOT = Answer("done", 0, "taken"), Answer("again", 0, "it did not take the notice")


@dataclass
class Told:
    """A notifier that notes what it is told and answers as it is set, or not at all."""

    answers: dict[str, Answer | None] = field(default_factory=dict)
    told: list[Telling] = field(default_factory=list)
    hanging: list[Future[Answer]] = field(default_factory=list)

    def tell(self, telling: Telling) -> Future[Answer]:
        self.told.append(telling)
        future: Future[Answer] = Future()
        answer = self.answers.get(telling.channel, DONE)
        if answer is None:
            self.hanging.append(future)
        else:
            future.set_result(answer)
        return future

    def to(self, channel: str) -> list[Telling]:
        return [each for each in self.told if each.channel == channel]


@dataclass
class Office:
    """A team told through chat, then through another system, then by mail."""

    ledger: Ledger
    known: Definitions
    notifier: Told = field(default_factory=Told)
    now: Any = NOW
    crash: Callable[[str], None] = lambda point: None

    def offer(self, count: int = 1, *, first: int = 1) -> None:
        desk.queue(self.ledger, count, first=first)
        with self.ledger.begin() as session:
            assign(session, self.known, now=self.now)

    def posting(self, owner: str = "one") -> Posting:
        return Posting(
            self.ledger, self.known, self.notifier, owner, lambda: self.now, lambda: False,
            self.crash,
        )  # fmt: skip

    def write(self) -> Tally:
        press = NoticePress(self.known, notice_templates(), KEYS, self.now)
        with self.ledger.begin() as session:
            return write_notices(session, self.known, now=self.now, writer=press)

    def tick(self, after: timedelta = timedelta()) -> Tally:
        """Write and tell until there is no more to do at the instant."""
        self.now += after
        tally = Tally()
        while True:
            found = self.write() + post_out(self.posting())
            if not found:
                return tally
            tally += found

    def rows(self, table: Any, *columns: str, **where: object) -> list[Any]:
        with self.ledger.begin() as session:
            return desk.rows(session, table, *columns, **where)


def workspace(known: Definitions, **values: Any) -> Definitions:
    said = known.workspace.model_dump(by_alias=True, exclude_unset=True) | values
    return replace(known, workspace=type(known.workspace).model_validate(said))


CHANNELS = {
    "chat": {"from": "NURTURE_CHANNEL_CHAT"},
    "hook": {"webhook": "https://crm.example.test/desk"},
}


@pytest.fixture
def office(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(passes, "PATIENCE", 0.0)
    known = desk.set_up(ledger, desk.rules())
    assert known.handoff
    team = known.handoff.teams["smb"].model_copy(update={"channels": ("chat", "hook", "email")})
    rules = known.handoff.model_copy(update={"teams": {"smb": team}})
    known = workspace(replace(known, handoff=rules), channels=CHANNELS, admin="ops@example.test")
    return Office(ledger, known)
