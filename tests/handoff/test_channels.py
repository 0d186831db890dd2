"""Notices through channels: at least once, passed on when a channel is out of order, told once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.notice_forms import notice_templates
from handoff import posting as passes
from handoff.assignment import assign
from handoff.channels import may_go, route
from handoff.ladder import climb
from handoff.notice_press import NoticePress
from handoff.notices import write_notices
from handoff.notifier import Telling
from handoff.posting import Posting, post_out
from handoff.tables import CHANNEL, HANDOFF, LEAD, MESSAGE, POST, RUNG
from handoff.wording import unlinked
from nurture.language.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.tally import Tally
from nurture.webhooks.port import Answer
from tests.fixtures_ledger import NOW, counting
from tests.handoff import desk

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


def test_an_offer_goes_by_the_first_channel_of_the_team(office: Office) -> None:
    office.offer()
    office.tick()
    (told,) = office.notifier.told
    assert told.channel == "chat"
    assert told.title == "For Bo: a lead without a name"
    for part in ("80 points", "Accept by Mon 2 Mar 14:00: http://127.0.0.1:8000/h/", "Reject it: "):
        assert part in told.text, told.text
    (row,) = office.rows(MESSAGE)
    assert (row.kind, row.state, row.reply) == ("notice", "sent", "told through chat")
    assert row.recipient == "bo@example.test"
    (post,) = office.rows(POST)
    assert (post.state, post.text, post.key) == ("sent", "", "offer:1:1/chat")
    assert not office.tick()


def test_a_channel_down_for_an_hour_is_passed_by_told_once_and_comes_back(office: Office) -> None:
    office.notifier.answers = {"chat": NOT, "hook": DONE}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    assert sorted(each.channel for each in office.notifier.told) == [
        *["chat"] * 3, "email", "hook",
    ]  # fmt: skip
    assert len({each.identity for each in office.notifier.to("chat")}) == 1
    (alarm,) = office.notifier.to("email")
    assert (alarm.recipient, alarm.title) == (
        "ops@example.test", "Example: The channel chat is out of order",
    )  # fmt: skip
    for number in range(12):  # an hour: the others go another way at once, one at a time tries it
        office.offer(first=10 + number)
        office.tick(timedelta(minutes=5))
    assert len(office.notifier.to("hook")) == 13
    assert len(office.notifier.to("chat")) == 3 + 12
    assert len(office.notifier.to("email")) == 1
    office.notifier.answers = {}
    office.offer(first=40)
    office.tick(timedelta(minutes=6))
    assert [each.title for each in office.notifier.to("email")] == [
        "Example: The channel chat is out of order", "Example: The channel chat is back",
    ]  # fmt: skip
    assert office.rows(CHANNEL, "failures", "down_since", name="chat") == [(0, None)]
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_while_a_channel_is_down_only_one_notice_in_a_while_tries_it(office: Office) -> None:
    office.notifier.answers = {"chat": NOT}
    office.offer(30)
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    before = len(office.notifier.to("chat"))
    office.offer(30, first=50)
    office.tick(timedelta(seconds=10))
    assert len(office.notifier.to("chat")) == before
    assert len(office.notifier.to("hook")) == 60
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_with_every_channel_down_the_rep_gets_a_mail(office: Office) -> None:
    office.notifier.answers = {"chat": NOT, "hook": Answer("failed", 404, "refused: answered 404")}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    (row,) = office.rows(MESSAGE)
    assert (row.kind, row.state, row.recipient) == ("notice", "due", "bo@example.test")
    assert row.content
    assert [row.state for row in office.rows(POST, kind="notice")] == ["passed", "passed"]


def test_a_channel_that_hangs_holds_up_no_tick_and_no_other_channel(office: Office) -> None:
    office.notifier.answers = {"chat": None}
    office.offer(20)
    office.tick()
    assert len(office.notifier.hanging) == passes.MOST_OF_CHANNEL
    assert not office.tick(timedelta(seconds=1))  # those in hand are not begun anew
    for future in office.notifier.hanging:
        future.set_result(NOT)
    office.notifier.answers = {}
    office.tick(timedelta(minutes=2))
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_a_slow_answer_says_that_its_channel_has_room_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(passes.news, "tell", lambda _session: told.append(1))
    office.notifier.answers = {"chat": None}
    office.offer(9)
    office.tick()
    assert told == []
    for future in office.notifier.hanging:
        future.set_result(Answer("done", 200, ""))
    assert len(told) == passes.MOST_OF_CHANNEL
    office.notifier.answers = {}
    assert office.tick()
    assert {row.state for row in office.rows(MESSAGE)} == {"sent"}


def test_a_sender_that_died_is_repeated_under_the_same_identity(office: Office) -> None:
    class Killed(BaseException):
        """As kill -9 between telling and writing it down."""

    def kill(point: str) -> None:
        if point == "told":
            raise Killed

    office.offer()
    office.write()
    office.crash = kill
    with pytest.raises(Killed):
        post_out(office.posting())
    office.crash = lambda point: None
    assert not office.tick(timedelta(minutes=1))  # its lease holds
    office.tick(passes.LEASE)
    first, second = office.notifier.told
    assert first == second
    assert [row.state for row in office.rows(MESSAGE)] == ["sent"]


def test_two_processes_tell_one_notice_once(office: Office) -> None:
    office.offer(5)
    office.write()
    with office.ledger.begin() as one:
        _, mine = passes.claim(one, office.known, owner="one", now=NOW)
    with office.ledger.begin() as two:
        _, theirs = passes.claim(two, office.known, owner="two", now=NOW)
    assert (len(mine), len(theirs)) == (5, 0)


def test_a_late_answer_of_a_claim_somebody_else_holds_changes_nothing(office: Office) -> None:
    office.notifier.answers = {"chat": None}
    office.offer()
    office.tick()
    (hanging,) = office.notifier.hanging
    office.notifier.answers = {}
    office.tick(passes.LEASE)
    before = office.rows(POST)
    hanging.set_result(Answer("failed", 0, "too late"))
    assert office.rows(POST) == before
    assert before[0].state == "sent"


def test_what_was_answered_meanwhile_is_not_told_any_more(office: Office) -> None:
    office.offer(2)
    office.write()
    with office.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 1).values(state="accepted"))
    office.tick()
    assert [row.state for row in office.rows(MESSAGE)] == ["cancelled", "sent"]
    assert len(office.notifier.told) == 1


def test_quiet_hours_over_midnight_hold_a_channel_and_not_another(office: Office) -> None:
    quiet = {"quiet_hours": {"hours": "18:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    evening = NOW.replace(hour=17, minute=30)  # half past six there
    morning = NOW.replace(hour=7) + timedelta(days=1)
    night = NOW.replace(hour=2) + timedelta(days=1)
    for at, then in ((NOW, NOW), (evening, morning), (night, morning), (morning, morning)):
        assert may_go(office.known, "chat", now=at) == then
        assert may_go(office.known, "hook", now=at) == at
    office.offer()
    office.now = evening
    office.tick()
    assert office.notifier.told == []
    assert office.rows(POST, "due_at") == [(morning,)]
    office.tick(morning - evening)
    assert [each.channel for each in office.notifier.told] == ["chat"]


@pytest.mark.parametrize("died", [True, False])
def test_nobody_is_told_at_night_what_was_due_by_day(office: Office, *, died: bool) -> None:
    """Its sender died in the evening, or nothing ticked: it waits for the morning all the same."""
    quiet = {"quiet_hours": {"hours": "19:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    office.offer()
    office.write()
    if died:
        with office.ledger.begin() as session:
            _, claimed = passes.claim(session, office.known, owner="one", now=office.now)
        assert len(claimed) == 1
    office.now = NOW.replace(hour=21)
    office.tick()
    morning = NOW.replace(hour=7) + timedelta(days=1)
    assert office.notifier.told == []
    assert office.rows(POST, "state", "due_at") == [("due", morning)]
    office.tick(morning - office.now)
    assert [each.channel for each in office.notifier.told] == ["chat"]


def test_a_try_that_failed_in_the_evening_waits_for_the_morning(office: Office) -> None:
    quiet = {"quiet_hours": {"hours": "18:00-08:00"}, "zone": "Europe/Berlin"}
    office.known = workspace(office.known, channels=CHANNELS | {"chat": CHANNELS["chat"] | quiet})
    office.offer()
    office.now = NOW.replace(hour=16, minute=59, second=50)
    office.notifier.answers = {"chat": NOT}
    office.tick()
    assert office.rows(POST, "due_at") == [(NOW.replace(hour=7) + timedelta(days=1),)]


def test_the_channel_of_a_rung_and_of_whom_a_notice_is_for(office: Office) -> None:
    def by(template: str, action: str = "", tried: tuple[str, ...] = ()) -> str:
        return route(office.known, team="smb", template=template, action=action, tried=tried)

    assert by("reminder") == "chat"
    assert by("reminder", tried=("chat",)) == "hook"
    assert by("reminder", tried=("chat", "hook")) == "email"
    assert by("manager-late") == "email"
    assert by("manager-late", "tell:hook") == "hook"
    assert by("manager-late", "tell:hook", ("hook",)) == "email"
    assert by("manager-late", "tell:gone") == "email"
    assert by("warm") == "email"


HOSTILE = (
    "<!channel> @here <https://evil.example.test|Ann> [x](http://evil.test) *b* _i_ `c` ~s~ #ops"
    " <at>everyone</at>\nwww.evil.test {{7*7}} \u202eevil"
)


def test_a_hostile_lead_calls_nobody_and_leads_nowhere(office: Office) -> None:
    desk.queue(office.ledger, 1)
    with office.ledger.begin() as session:
        values = dict.fromkeys(("first_name", "company", "job_title", "country"), HOSTILE)
        session.execute(update(LEAD).values(**values))
        session.execute(update(HANDOFF).values(reason=HOSTILE))
        assign(session, office.known, now=NOW)
    office.tick()
    (told,) = office.notifier.told
    ours = [word for word in told.text.split() if word.startswith("http://127.0.0.1:8000/h/")]
    assert len(ours) == 3
    rest = told.title + told.text
    for link in ours:
        rest = rest.replace(link, "")
    for mark in ("<", ">", "@", "[", "]", "*", "_", "`", "~", "#", "://", "evil.", "\u202e", "{"):
        assert mark not in rest, mark
    assert len(told.title.splitlines()) == 1


def test_names_stay_readable() -> None:
    assert unlinked("Dr. Ann O'Neill-Lee, Lee & Sons (Berlin), 50 %") == (
        "Dr. Ann O'Neill-Lee, Lee & Sons (Berlin), 50 %"
    )


def test_eight_posts_take_as_many_statements_as_two(office: Office) -> None:
    counts = []
    for first, many in ((1, 2), (100, 8)):
        office.offer(many, first=first)
        office.write()
        with counting(office.ledger) as sent:
            post_out(office.posting())
        counts.append(desk.told(sent))
    assert counts[0] == counts[1]


def test_without_an_admin_nobody_is_told_and_nothing_breaks(office: Office) -> None:
    office.known = workspace(office.known, admin=None)
    office.notifier.answers = {"chat": NOT}
    office.offer()
    for _ in range(4):
        office.tick(timedelta(minutes=1))
    assert office.notifier.to("email") == []
    with office.ledger.begin() as session:
        assert session.execute(select(CHANNEL.c.down_since)).scalars().first() is not None


def test_a_rung_tells_a_channel_and_in_the_end_the_manager(office: Office) -> None:
    rules = desk.rules(ladder=[{"at": "50%", "tell": "hook"}])
    office.known = replace(office.known, handoff=rules)
    office.offer()
    office.notifier.answers = {"hook": Answer("failed", 404, "refused: answered 404")}
    office.now = NOW + timedelta(hours=3)
    with office.ledger.begin() as session:
        climb(session, office.known, now=office.now)
    assert [row.action for row in office.rows(RUNG, state="fired")] == ["tell:hook"]
    office.tick()
    assert [each.channel for each in office.notifier.told] == ["hook"]
    late = office.rows(MESSAGE, "recipient", "template", "kind", "state", template="manager-late")
    assert late == [("mia@example.test", "manager-late", "notice", "due")]
