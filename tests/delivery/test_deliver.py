"""Through the whole pass, on both databases: what goes, what is held, what ends, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import Session

from nurture.delivery import claim as claiming
from nurture.delivery.deliver import deliver
from nurture.delivery.waiting import next_due
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.openings import keep_openings
from tests.delivery.mailing import (
    MESSAGE,
    NOW,
    OFFICE,
    PATH,
    a_round,
    change,
    definitions,
    due_enrolments,
    fill,
    message,
    states,
    suppress,
)
from tests.delivery.post import Post
from tests.fixtures_ledger import counting, kept

HOUR = timedelta(hours=1)


def give_to_sales(session: Session, lead: int) -> None:
    episode = kept(session, t.Episode(lead_id=lead, line="mql", opened_at=NOW))
    session.add(t.Handoff(lead_id=lead, episode_id=episode.id, definition_id=1, team="emea",
                          opened_at=NOW, state="offered"))  # fmt: skip


def test_what_is_due_is_sent_once_and_its_leads_go_on(guarded: Ledger) -> None:
    fill(guarded, ["ann", "bob", "cleo"])
    post = Post()
    tally = deliver(a_round(guarded), post)
    assert tally.rows() == [{"what": "sent", "where": PATH, "leads": 3}]
    assert not tally.more
    assert post.recipients == ["ann", "bob", "cleo"]
    sent = message(guarded, 1)
    assert (sent.state, sent.content, sent.handed_at, sent.attempts) == ("sent", None, NOW, 1)
    assert sent.reason == "accepted by the mail server"
    assert set(due_enrolments(guarded).values()) == {NOW}
    assert deliver(a_round(guarded), post).rows() == []
    assert len(post.mails) == 3


def test_everyone_who_may_not_be_written_to_is_ended_with_the_reason(guarded: Ledger) -> None:
    names = ["ann", "nobody", "gone", "unsubscribed", "left", "late", "tired", "sales"]
    fill(guarded, names)
    with guarded.begin() as session:
        session.execute(update(table_of(t.Lead)).where(table_of(t.Lead).c.id == 2).values(
            email=None, email_key=None))  # fmt: skip
        session.add(t.Consent(lead_id=4, topic="tips", subscribed=False, decided_at=NOW))
        session.execute(update(table_of(t.Enrolment)).where(
            table_of(t.Enrolment).c.id == 5).values(state="exited"))  # fmt: skip
        give_to_sales(session, 8)
    suppress(guarded, "gone@example.test")
    change(guarded, 6, expires_at=NOW)
    change(guarded, 7, attempts=10)
    post = Post()
    deliver(a_round(guarded), post)
    assert post.recipients == ["ann"]
    ends = {number: (found.state, found.reason) for number in range(2, 9)
            for found in [message(guarded, number)]}  # fmt: skip
    assert ends == {
        2: ("suppressed", "the lead has no address"),
        3: ("suppressed", "the address wants or takes no mail from us"),
        4: ("suppressed", "not subscribed to the topic"),
        5: ("cancelled", "left the sequence before it was sent"),
        6: ("expired", "could not go in the time its sequence allows"),
        7: ("expired", "the mail server deferred it too often"),
        8: ("suppressed", "the lead is with sales"),
    }
    due = due_enrolments(guarded)
    assert {due[n] for n in (1, 2, 3, 4, 6, 7, 8)} == {NOW}


def test_a_mail_outside_its_window_goes_when_it_opens_in_the_leads_zone(guarded: Ledger) -> None:
    fill(guarded, ["berlin", "york"])
    with guarded.begin() as session:
        lead = table_of(t.Lead)
        session.execute(update(lead).where(lead.c.id == 2).values(timezone="America/New_York"))
    change(guarded, hours=OFFICE)
    fill_openings(guarded)
    post = Post()
    deliver(a_round(guarded), post)  # 10:30 in Berlin, 4:30 in New York
    assert post.recipients == ["berlin"]
    held = message(guarded, 2)
    assert held.state == "due"
    assert held.due_at == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    assert "window" in held.reason
    with guarded.begin() as session:
        assert next_due(session, "nurture") == held.due_at
    deliver(a_round(guarded, now=held.due_at), post)
    assert post.recipients == ["berlin", "york"]


def fill_openings(ledger: Ledger) -> None:
    with ledger.begin() as session:
        keep_openings(session, definitions(), now=NOW)


def test_the_cap_of_a_day_holds_and_the_rest_goes_the_next(guarded: Ledger) -> None:
    fill(guarded, ["ann"], mails=3)
    post = Post()
    for day in range(4):
        deliver(a_round(guarded, now=NOW + day * 24 * HOUR, cap=1), post)
        assert len(post.mails) == min(day + 1, 3)
    assert states(guarded) == {"sent": 3}


def test_mail_of_a_paused_sequence_waits_and_is_not_due(guarded: Ledger) -> None:
    fill(guarded, ["ann"])
    with guarded.begin() as session:
        session.add(t.Pause(sequence="hello", since=NOW))
    post = Post()
    deliver(a_round(guarded), post)
    with guarded.begin() as session:
        assert next_due(session, "nurture") is None
        session.execute(delete(table_of(t.Pause)))
    assert post.mails == []
    deliver(a_round(guarded), post)
    assert post.recipients == ["ann"]


@pytest.mark.parametrize("what", ["suppression", "consent", "sales", "paused", "left", "moved"])
def test_whoever_changes_their_mind_between_claim_and_hand_over_gets_nothing(
    guarded: Ledger, what: str
) -> None:
    fill(guarded, ["ann", "bob"])

    def crash(point: str) -> None:
        if point != "written" or done:
            return
        done.append(point)
        with guarded.begin() as session:
            enrolment, lead = table_of(t.Enrolment), table_of(t.Lead)
            if what == "suppression":
                session.add(t.Suppression(email_key="ann@example.test", kind="erased", since=NOW))
            elif what == "consent":
                session.add(t.Consent(lead_id=1, topic="tips", subscribed=False, decided_at=NOW))
            elif what == "sales":
                give_to_sales(session, 1)
            elif what == "paused":
                session.add(t.Pause(sequence="hello", since=NOW))
            elif what == "left":
                session.execute(update(enrolment).where(enrolment.c.id == 1).values(state="exited"))
            else:
                session.execute(
                    update(lead).where(lead.c.id == 1).values(email=None, email_key=None)
                )

    done: list[str] = []
    post = Post()
    deliver(a_round(guarded, crash=crash), post)
    assert done
    assert "ann" not in post.recipients
    stopped = message(guarded, 1)
    if what == "paused":
        assert (stopped.state, stopped.attempts) == ("due", 0)
    else:
        assert post.recipients == ["bob"]
        assert stopped.state in ("suppressed", "cancelled")
        assert stopped.reason


def test_without_the_fence_a_late_opt_out_is_ignored(
    guarded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "_welcome", lambda _: MESSAGE.c.id.is_not(None))
    fill(guarded, ["ann"])
    post = Post()
    deliver(
        a_round(
            guarded,
            crash=lambda p: suppress(guarded, "ann@example.test") if p == "written" else None,
        ),
        post,
    )
    assert post.recipients == ["ann"]


def test_a_lead_whose_address_changed_gets_its_deferred_mail_at_the_new_one(
    guarded: Ledger,
) -> None:
    fill(guarded, ["ann"])
    deliver(a_round(guarded), Post("deferred"))
    frozen = message(guarded, 1)
    with guarded.begin() as session:
        session.execute(
            update(table_of(t.Lead)).values(email="a@example.test", email_key="a@example.test")
        )
    post = Post()
    deliver(a_round(guarded, now=NOW + HOUR), post)
    assert post.recipients == ["a"]
    assert b"To: Ann <a@example.test>" in post.mails[0].data
    assert message(guarded, 1).message_id == frozen.message_id


def test_one_lead_whose_template_fails_stops_itself_and_nobody_else(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(1_000)])
    with guarded.begin() as session:
        lead = table_of(t.Lead)
        session.execute(update(lead).where(lead.c.id == 7).values(attributes={"zero": 0}))
        session.execute(update(lead).where(lead.c.id == 9).values(attributes=None))
    post = Post()
    deliver(a_round(guarded), post)
    assert states(guarded) == {"sent": 998, "render_failed": 2}
    assert "divides by zero" in message(guarded, 7).reason
    assert "hello" in message(guarded, 9).reason
    assert None not in due_enrolments(guarded).values()


def test_statements_grow_with_windows_and_never_with_mails(guarded: Ledger) -> None:
    def sent_by(mails: int) -> int:
        fill(guarded, [f"lead{n}" for n in range(mails)])
        with counting(guarded) as statements:
            deliver(a_round(guarded), Post())
        with guarded.begin() as session:
            for table in (t.Message, t.Enrolment, t.Lead, t.Definition):
                session.execute(delete(table_of(table)))
        return len(statements)

    few, many = sent_by(2), sent_by(200)
    assert many - few == 9 * 4, "a window more is settle, wake, freeze and hand over"


def test_after_its_limit_it_returns_and_says_there_is_more(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(45)])
    post = Post()
    first = deliver(a_round(guarded), post, limit=30)
    assert (len(post.mails), first.more) == (30, True)
    assert not deliver(a_round(guarded), post, limit=30).more
    assert states(guarded) == {"sent": 45}


def test_a_stop_ends_between_two_windows_and_gives_the_rest_back(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(100)])
    post = Post()
    tally = deliver(a_round(guarded, stop=lambda: len(post.mails) >= 40), post)
    assert len(post.mails) == 40
    assert not tally.more
    assert states(guarded) == {"sent": 40, "due": 60}
    assert message(guarded, 100).attempts == 0


def test_four_connections_send_each_mail_once(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(600)], mails=2)
    post = Post()
    clock = [NOW]
    for _ in range(3):
        deliver(a_round(guarded, clock=lambda: clock[0]), post, connections=4)
        clock[0] += HOUR
    assert states(guarded) == {"sent": 1_200}
    assert len({mail.ref for mail in post.mails}) == len(post.mails) == 1_200
