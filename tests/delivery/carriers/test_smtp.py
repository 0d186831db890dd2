"""Sending through SMTP: every script of the sink, with and without pipelining."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.carriers.transport import Outgoing, Reply
from tests.delivery.sink import Sink

BOTH = pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "one by one"])
FROM = "news@example.test"


def mail(ref: int, to: str, body: bytes = b"hello\r\n") -> Outgoing:
    head = f"Message-ID: <{ref}@example.test>\r\nTo: {to}\r\n\r\n".encode()
    return Outgoing(ref, FROM, to, head + body)


def window(*names: str) -> list[Outgoing]:
    return [mail(ref, f"{name}@example.test") for ref, name in enumerate(names)]


def transport(sink: Sink, timeout: float = 5.0) -> SmtpTransport:
    return SmtpTransport(SmtpSettings("127.0.0.1", sink.port, tls="off", timeout=timeout))


def sent(sink: Sink, mails: Sequence[Outgoing], timeout: float = 5.0) -> dict[int, Reply]:
    with transport(sink, timeout).open() as connection:
        replies = exchange([connection], mails)
    assert sorted(reply.ref for reply in replies) == sorted(m.ref for m in mails)
    return {reply.ref: reply for reply in replies}


def verdicts(replies: dict[int, Reply]) -> list[str]:
    return [replies[ref].verdict for ref in sorted(replies)]


def recipients(sink: Sink) -> list[str]:
    return [recipient.partition("@")[0] for recipient, _ in sink.mails]


@BOTH
def test_a_window_arrives_whole_and_in_order(offers: tuple[str, ...]) -> None:
    with Sink(offers=offers) as sink:
        replies = sent(sink, window(*[f"ok+{i}" for i in range(30)]))
        assert verdicts(replies) == ["sent"] * 30
        assert recipients(sink) == [f"ok+{i}" for i in range(30)]


@BOTH
@pytest.mark.parametrize(
    ("script", "verdict", "code", "phase"),
    [
        ("t451", "deferred", 451, "rcpt"),
        ("t452", "deferred", 452, "rcpt"),
        ("r550", "rejected", 550, "rcpt"),
        ("r552", "deferred", 552, "rcpt"),
        ("granted", "rejected", 550, "rcpt"),
        ("r554data", "rejected", 554, "data"),
        ("r550atdot", "rejected", 550, "dot"),
        ("t451atdot", "deferred", 451, "dot"),
        ("slow", "sent", 250, "dot"),
    ],
)
def test_one_refused_mail_leaves_its_neighbours_alone(
    offers: tuple[str, ...], script: str, verdict: str, code: int, phase: str
) -> None:
    with Sink(offers=offers) as sink:
        replies = sent(sink, window("a", script, "b", script, script, "c"))
        for ref in (1, 3, 4):
            assert (replies[ref].verdict, replies[ref].code) == (verdict, code)
            assert replies[ref].phase == phase
        assert [replies[ref].verdict for ref in (0, 2, 5)] == ["sent"] * 3
        arrived = [name for name in recipients(sink) if name != "slow"]
        assert arrived == ["a", "b", "c"]


@BOTH
@pytest.mark.parametrize(
    ("script", "verdict", "phase"),
    [
        ("earlydrop", "deferred", "rcpt"),
        ("dropbeforedot", "deferred", "data"),
        ("hangbefore", "deferred", "data"),
        ("garbage", "deferred", "rcpt"),
        ("longline", "deferred", "rcpt"),
        ("manylines", "deferred", "rcpt"),
        ("dropatdot", "unknown", "dot"),
        ("dropafterdot", "unknown", "dot"),
        ("hang", "unknown", "dot"),
        ("garbageatdot", "unknown", "dot"),
        ("oddatdot", "unknown", "dot"),
    ],
)
def test_a_lost_conversation_leaves_at_most_one_mail_unknown(
    offers: tuple[str, ...], script: str, verdict: str, phase: str
) -> None:
    with Sink(offers=offers) as sink:  # one that hangs does so beyond every test's time
        replies = sent(sink, window("a", script, "b", "c"), timeout=0.5)
        after = "sent" if script == "oddatdot" else "deferred"
        assert verdicts(replies) == ["sent", verdict, after, after]
        assert replies[1].phase == phase
        if after == "deferred":
            assert {"b", "c"}.isdisjoint(recipients(sink))


def test_a_server_that_drops_in_a_large_body_never_got_the_dot() -> None:
    with Sink() as sink:
        body = (b"x" * 70 + b"\r\n") * 400_000
        mails = [mail(0, "a@example.test"), mail(1, "dropinbody@example.test", body)]
        assert verdicts(sent(sink, mails)) == ["sent", "deferred"]


def test_a_connection_that_broke_is_made_anew_for_the_next_window() -> None:
    with Sink() as sink, transport(sink).open() as connection:
        assert [r.verdict for r in exchange([connection], window("dropafterdot", "b"))] == [
            "unknown",
            "deferred",
        ]
        assert [r.verdict for r in exchange([connection], window("c", "d"))] == ["sent", "sent"]
        assert sink.connections == 2


@pytest.mark.parametrize("script", ["hangbefore", "hang", "garbage", "s421", "relay", "oddatdot"])
def test_nothing_of_a_spoilt_conversation_reaches_the_next_window(script: str) -> None:
    with Sink(hang=3) as sink, transport(sink, timeout=0.3).open() as connection:
        exchange([connection], window(script))
        assert [r.verdict for r in exchange([connection], window("c", "d"))] == ["sent", "sent"]


def test_a_connection_closed_while_idle_costs_no_mail() -> None:
    with Sink() as sink, transport(sink).open() as connection:
        assert [r.verdict for r in exchange([connection], window("a"))] == ["sent"]
        sink.hang_up()
        assert [r.verdict for r in exchange([connection], window("b", "c"))] == ["sent", "sent"]
        assert sink.connections == 2


def test_a_caller_that_leaves_in_the_middle_leaves_no_half_conversation() -> None:
    with Sink() as sink, transport(sink).open() as connection:
        replies = connection.send(window("a", "b", "c"))
        assert next(said for said in replies if isinstance(said, Reply)).verdict == "sent"
        replies.close()  # type: ignore[attr-defined]
        assert [r.verdict for r in exchange([connection], window("d"))] == ["sent"]
        assert "d" in recipients(sink)


@BOTH
@pytest.mark.parametrize(("script", "place"), [("s421", "rcpt"), ("s421atdot", "dot")])
def test_421_speaks_of_the_channel_and_nothing_more_is_offered(
    offers: tuple[str, ...], script: str, place: str
) -> None:
    with Sink(offers=offers) as sink:
        replies = sent(sink, window("a", script, "b"))
        assert verdicts(replies) == ["sent", "channel", "channel"]
        assert (replies[1].code, replies[1].phase) == (421, place)
        assert recipients(sink) == ["a"]


@BOTH
@pytest.mark.parametrize("script", ["relay", "r530"])
def test_a_server_that_will_not_relay_suppresses_nobody(
    offers: tuple[str, ...], script: str
) -> None:
    with Sink(offers=offers) as sink:
        assert verdicts(sent(sink, window("a", script, "b"))) == ["sent", "channel", "channel"]


@BOTH
def test_a_sender_refused_for_good_stops_the_channel(offers: tuple[str, ...]) -> None:
    with Sink(offers=offers, mail_reply=lambda line: b"550 5.1.8 not you\r\n") as sink:
        replies = sent(sink, window("a", "b"))
        assert verdicts(replies) == ["channel", "channel"]
        assert (replies[0].code, replies[0].phase) == (550, "mail")


@BOTH
def test_a_sender_refused_for_now_defers_each_mail_by_itself(offers: tuple[str, ...]) -> None:
    turns = iter([b"451 later\r\n", b"250 ok\r\n"])
    with Sink(offers=offers, mail_reply=lambda line: next(turns)) as sink:
        assert verdicts(sent(sink, window("a", "b"))) == ["deferred", "sent"]


def test_dots_at_the_start_of_lines_arrive_as_they_were() -> None:
    body = b".\r\n..\r\n.a\r\nMAIL FROM:<x@example.test>\r\n.\r\nRCPT TO:<y@example.test>\r\n"
    with Sink() as sink:
        mails = [mail(0, "a@example.test", body), mail(1, "b@example.test")]
        assert verdicts(sent(sink, mails)) == ["sent", "sent"]
        assert [data for _, data in sink.mails] == [m.data for m in mails]


@pytest.mark.parametrize(
    "ending", [b"\n.\r\n", b"\r\n.\n", b"\n.\n", b"\r.\r\n", b"\r\n.\r", b"\r.\r"]
)
def test_a_smuggled_end_of_data_never_leaves(ending: bytes) -> None:
    body = b"hello" + ending + b"MAIL FROM:<evil@example.test>\r\n"
    with Sink() as sink:
        replies = sent(sink, [mail(0, "a@example.test", body), mail(1, "b@example.test")])
        assert verdicts(replies) == ["rejected", "sent"]
        assert not any(b"evil" in command for command in sink.commands)


@pytest.mark.parametrize(
    "address",
    ["a@x\r\nRCPT TO:<b@x>", "a@x\nDATA", "a b@x", "a@x>", "<a@x", "a\0@x", "", "a@x\tSIZE=1"],
)
def test_an_address_cannot_carry_a_command(address: str) -> None:
    with Sink() as sink:
        hostile = Outgoing(0, FROM, address, b"Subject: x\r\n\r\n")
        replies = sent(sink, [hostile, mail(1, "b@example.test")])
        assert verdicts(replies) == ["rejected", "sent"]
        assert recipients(sink) == ["b"]


def test_letters_beyond_ascii_go_only_where_they_are_offered() -> None:
    mails = [mail(0, "jürgen@example.test"), mail(1, "b@example.test")]
    with Sink(offers=("PIPELINING",)) as sink:
        replies = sent(sink, mails)
        assert verdicts(replies) == ["rejected", "sent"]
        assert "SMTPUTF8" in replies[0].text
    with Sink(offers=("PIPELINING", "SMTPUTF8", "8BITMIME")) as sink:
        assert verdicts(sent(sink, mails)) == ["sent", "sent"]
        offered = [command for command in sink.commands if command.startswith(b"MAIL")]
        assert [b"SMTPUTF8" in command for command in offered] == [True, False]


def test_a_mail_too_large_for_the_server_is_not_offered() -> None:
    with Sink(offers=("PIPELINING", "SIZE 1000")) as sink:
        mails = [mail(0, "a@example.test", b"x" * 2000), mail(1, "b@example.test")]
        replies = sent(sink, mails)
        assert [(r.verdict, r.code) for r in replies.values()] == [("rejected", 552), ("sent", 250)]


def test_a_250_means_that_it_is_on_the_disk(tmp_path: Path) -> None:
    accepted = tmp_path / "accepted"
    with Sink(accepted) as sink:
        sent(sink, window("a", "r550", "b"))
        assert accepted.read_text().splitlines() == [
            "<0@example.test> a@example.test",
            "<2@example.test> b@example.test",
        ]


def test_no_server_at_all_is_answered_for_every_mail_of_a_later_window() -> None:
    with Sink() as sink:
        connection = transport(sink, timeout=0.5).open()
        opened = connection.__enter__()
        assert [r.verdict for r in exchange([opened], window("dropafterdot"))] == ["unknown"]
    replies = exchange([opened], window("a", "b"))
    assert [(r.verdict, r.code, r.phase) for r in replies] == [("channel", 0, "connect")] * 2
    connection.__exit__(None, None, None)
