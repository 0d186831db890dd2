"""The digest: one a day and manager, also after an outage; nothing about nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.telling.notice_forms import notice_templates
from handoff.answering import answers
from handoff.desk.board import handoffs
from handoff.routing.assignment import assign
from handoff.tables import DIGEST, HANDOFF, LEAD, POST
from handoff.telling.digest import keep_digests, next_morning, write_digests
from handoff.telling.notice_press import NoticePress
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import RenderFailed
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk

KEYS = (b"a key of sixteen octets or more",)
MORNING = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
"""Eight o'clock in Berlin, the day after NOW."""


@pytest.fixture
def known(ledger: Ledger) -> Definitions:
    made = desk.set_up(ledger, desk.rules())
    assert made.handoff is not None
    team = made.handoff.teams["smb"].model_copy(update={"digest": "08:00"})
    rules = made.handoff.model_copy(update={"teams": {"smb": team, "other": team}})
    made = replace(made, handoff=rules)
    with ledger.begin() as session:
        keep_digests(session, made, now=NOW)
    return made


def written(ledger: Ledger, known: Definitions, now: datetime) -> list[Any]:
    press = NoticePress(known, notice_templates(), KEYS, now)
    with ledger.begin() as session:
        write_digests(session, known, lambda: press, now=now)
        return desk.rows(session, POST)


def offer(ledger: Ledger, known: Definitions) -> None:
    desk.queue(ledger, 3)
    with ledger.begin() as session:
        session.execute(
            update(LEAD).where(LEAD.c.id == 1).values(first_name="<script>x</script>{{7*7}}")
        )
        assign(session, known, now=NOW)
        session.execute(
            update(HANDOFF).where(HANDOFF.c.id == 3).values(state="won", closed_at=NOW)
        )


def test_it_says_what_is_open_late_and_what_became_of_yesterday(
    ledger: Ledger, known: Definitions
) -> None:
    offer(ledger, known)
    (post,) = written(ledger, known, MORNING)
    assert (post.recipient, post.kind, post.channel) == ("mia@example.test", "digest", "email")
    assert post.subject == "Example, Tuesday 3 March: 2 late"
    for said in ("2 open; 2 late.", "Yesterday 3 came in, 1 won.", "Bo, due Mon 2 Mar 14:00"):
        assert said in post.text, post.text
    assert "<script>" not in post.html
    assert "{{7*7}}" in post.text


def test_leads_that_wait_take_no_place_among_the_late_ones(
    ledger: Ledger, known: Definitions
) -> None:
    desk.queue(ledger, 20)
    with ledger.begin() as session:
        assign(session, known, now=NOW)
        for number in range(1, 20):
            until = MORNING + timedelta(days=1)
            answers.pause(session, known, number, until=until, now=NOW)
        (late,) = handoffs(session, now=MORNING, late=True, limit=1)
        assert late.id == 20
    (post,) = written(ledger, known, MORNING)
    assert "20 open; 1 late." in post.text
    assert post.text.count(", due ") == 1


def test_one_a_day_also_after_an_outage_and_none_about_nothing(
    ledger: Ledger, known: Definitions
) -> None:
    assert written(ledger, known, MORNING) == []  # nothing open, nothing done
    offer(ledger, known)
    assert written(ledger, known, MORNING + timedelta(hours=1)) == []  # today's had its time
    late = MORNING + timedelta(days=3, hours=5)
    assert len(written(ledger, known, late)) == 1
    assert len(written(ledger, known, late)) == 1
    with ledger.begin() as session:  # another process, in the same morning
        session.execute(update(DIGEST).values(due_at=late))
    assert len(written(ledger, known, late)) == 1
    with ledger.begin() as session:
        assert desk.rows(session, DIGEST, "due_at") == [(MORNING + timedelta(days=4),)]


def test_rows_follow_the_file(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        keep_digests(session, known, now=NOW + timedelta(days=9))  # the same: it keeps its instant
        assert desk.rows(session, DIGEST) == [
            ("mia@example.test", "08:00", "Europe/Berlin", MORNING)
        ]
        keep_digests(session, replace(known, handoff=desk.rules()), now=NOW)
        assert desk.rows(session, DIGEST) == []


def test_mornings_that_clocks_skip_or_show_twice() -> None:
    for now, then in (
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ):
        assert next_morning("02:30", "Europe/Berlin", now=now) == then


def test_one_that_cannot_be_written_keeps_no_other_back(
    ledger: Ledger, known: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(ledger, known)
    monkeypatch.setattr(NoticePress, "office", broken)
    assert written(ledger, known, MORNING) == []
    with ledger.begin() as session:
        (row,) = desk.rows(session, DIGEST)
        assert row.due_at == MORNING + timedelta(days=1)


def broken(_press: NoticePress, _name: str, _values: Any) -> tuple[str, str, str]:
    raise RenderFailed("a template of somebody's own")
