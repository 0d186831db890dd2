"""The whole pass against a server that refuses, hangs and drops: mails, leads, the channel."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.carriers.transport import ChannelFailed
from nurture.delivery.deliver import deliver
from nurture.delivery.waiting import next_due
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from tests.delivery.mailing import NOW, a_round, change, due_enrolments, fill, message, states
from tests.delivery.sink import Sink

LATER = timedelta(hours=2)


def through(sink: Sink, *, timeout: float = 5) -> SmtpTransport:
    return SmtpTransport(SmtpSettings("127.0.0.1", sink.port, tls="off", timeout=timeout))


def suppressed(ledger: Ledger) -> list[str]:
    with ledger.begin() as session:
        return list(session.execute(select(table_of(t.Suppression).c.email_key)).scalars())


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(
    ("script", "state", "bounced", "taken"),
    [
        ("t451", "deferred", False, 0),
        ("r550", "rejected", True, 0),
        ("r552", "deferred", False, 0),
        ("t451atdot", "deferred", False, 0),
        ("r550atdot", "rejected", False, 0),
        ("dropbeforedot", "deferred", False, 0),
        ("dropinbody", "unknown", False, 0),
        ("dropatdot", "unknown", False, 0),
        ("dropafterdot", "unknown", False, 1),
        ("hang", "unknown", False, 1),
        ("oddatdot", "unknown", False, 0),
        ("garbageatdot", "unknown", False, 0),
    ],
)
def test_one_mail_in_trouble_stops_itself_and_its_neighbours_arrive(
    guarded: Ledger, script: str, state: str, bounced: bool, taken: int, connections: int
) -> None:
    fill(guarded, ["ann", "bob", script, *(f"lead{n}" for n in range(27))])
    with Sink(hang=5) as sink:
        for now in (NOW, NOW + LATER / 4, NOW + LATER / 4 + LATER):
            round_ = a_round(guarded, now=now)
            deliver(round_, through(sink, timeout=0.5), connections=connections)
    found = message(guarded, 3)
    assert found.state == state
    assert found.reason
    assert suppressed(guarded) == ([f"{script}@example.test"] if bounced else [])
    assert states(guarded)["sent"] == 29
    mails = [recipient for recipient, _ in sink.mails]
    assert mails.count(f"{script}@example.test") == taken
    assert len(mails) == len(set(mails)) == 29 + taken
    if state == "deferred":
        assert found.attempts > 1
        assert found.due_at > NOW + LATER
        assert found.content is not None
    else:
        assert due_enrolments(guarded)[3] is not None


def test_a_closing_server_rests_the_channel_and_costs_no_try(guarded: Ledger) -> None:
    fill(guarded, ["ann", "s421", "bob"])
    with Sink() as sink:
        with pytest.raises(ChannelFailed):
            deliver(a_round(guarded), through(sink))
        assert states(guarded) == {"sent": 1, "due": 2}
        assert [message(guarded, n).attempts for n in (2, 3)] == [0, 0]
        with guarded.begin() as session:
            assert next_due(session, "nurture") == NOW + timedelta(minutes=5)
        seen = sink.connections
        assert not deliver(a_round(guarded, now=NOW + timedelta(minutes=4)), through(sink))
        assert sink.connections == seen, "nobody knocks while the channel rests"
        change(guarded, 2, state="cancelled")
        deliver(a_round(guarded, now=NOW + timedelta(minutes=6)), through(sink))
    assert states(guarded) == {"sent": 2, "cancelled": 1}
    assert due_enrolments(guarded)[3] is not None


def test_a_refused_sign_in_stops_the_channel_longer_and_no_lead(guarded: Ledger) -> None:
    fill(guarded, [f"lead{n}" for n in range(30)])
    with Sink(auth="PLAIN LOGIN", auth_reply=b"535 5.7.8 no\r\n") as sink:
        settings = SmtpSettings(
            "127.0.0.1", sink.port, tls="off", timeout=5, user="ann", password="wrong"
        )
        with pytest.raises(ChannelFailed):
            deliver(a_round(guarded), SmtpTransport(settings))
    assert states(guarded) == {"due": 30}
    assert message(guarded, 1).attempts == 0
    assert suppressed(guarded) == []
    with guarded.begin() as session:
        assert next_due(session, "nurture") == NOW + timedelta(minutes=30)


def test_no_server_at_all_is_the_channels_trouble(guarded: Ledger) -> None:
    fill(guarded, ["ann"])
    with Sink() as sink:
        gone = through(sink)
    with pytest.raises(ChannelFailed):
        deliver(a_round(guarded), gone, connections=2)
    assert states(guarded) == {"due": 1}
