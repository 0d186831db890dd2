"""Opening a channel: greeting, TLS and signing in, and what a hostile server can do there."""

from __future__ import annotations

import ssl

import pytest

from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.greeting import SmtpSettings
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.delivery.carriers.transport import ChannelFailed, Outgoing
from tests.delivery.sink import Sink


def window(*names: str) -> list[Outgoing]:
    return [
        Outgoing(ref, "news@example.test", f"{name}@example.test", b"Subject: x\r\n\r\nx\r\n")
        for ref, name in enumerate(names)
    ]


def refused(sink: Sink, settings: SmtpSettings) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught, SmtpTransport(settings).open():
        pass
    return caught.value


def test_tls_that_is_required_and_not_offered_stops_the_channel() -> None:
    with Sink() as sink:
        failure = refused(sink, SmtpSettings("127.0.0.1", sink.port, timeout=2))
        assert (failure.phase, failure.transient) == ("starttls", False)


def test_a_certificate_nobody_vouches_for_stops_the_channel(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Sink(tls=server_tls) as sink:
        failure = refused(sink, SmtpSettings("127.0.0.1", sink.port, timeout=2))
        assert (failure.phase, failure.transient) == ("starttls", False)
        assert "certificate" in str(failure)
        trusted = SmtpSettings("127.0.0.1", sink.port, timeout=2, context=client_tls)
        with SmtpTransport(trusted).open() as connection:
            replies = exchange([connection], window("a", "b", "r550", "c"))
        assert [r.verdict for r in replies] == ["sent", "sent", "rejected", "sent"]
        hopeful = SmtpSettings("127.0.0.1", sink.port, timeout=2, tls="opportunistic")
        with SmtpTransport(hopeful).open() as connection:
            assert [r.verdict for r in exchange([connection], window("d"))] == ["sent"]


def test_a_drop_after_the_dot_is_unknown_through_tls_too(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Sink(tls=server_tls) as sink:
        settings = SmtpSettings("127.0.0.1", sink.port, timeout=2, context=client_tls)
        with SmtpTransport(settings).open() as connection:
            replies = exchange([connection], window("a", "dropafterdot", "b"))
            assert [r.verdict for r in replies] == ["sent", "unknown", "deferred"]


def test_words_in_the_clear_after_starttls_end_the_conversation(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Sink(tls=server_tls, after_starttls=b"250 injected\r\n") as sink:
        settings = SmtpSettings("127.0.0.1", sink.port, timeout=2, context=client_tls)
        assert refused(sink, settings).phase == "starttls"


def test_a_password_is_neither_repeated_nor_kept() -> None:
    secret = "correct-horse-battery"
    reply = f"535 5.7.8 no such password: {secret}\r\n".encode()
    with Sink(auth="PLAIN LOGIN", auth_reply=reply) as sink:
        settings = SmtpSettings("127.0.0.1", sink.port, tls="off", user="u", password=secret)
        failure = refused(sink, settings)
        assert (failure.phase, failure.code, failure.transient) == ("auth", 535, False)
        assert secret not in f"{failure} {failure!r} {settings!r} {failure.__cause__!r}"


def test_a_password_never_leaves_in_the_clear() -> None:
    with Sink(auth="PLAIN", host="127.0.0.2") as sink:
        settings = SmtpSettings("127.0.0.2", sink.port, tls="opportunistic", user="u", password="p")
        assert refused(sink, settings).phase == "auth"
        assert not any(command.startswith(b"AUTH") for command in sink.commands)


@pytest.mark.parametrize(
    ("greeting", "phase", "code"),
    [
        (b"554 5.3.2 go away\r\n", "greeting", 554),
        (b"421 4.3.2 later\r\n", "greeting", 421),
        (b"SSH-2.0-x\r\n", "connect", 0),
        (b"220-" + b"x" * 1_000_000, "connect", 0),
        (b"220-x\r\n" * 100_000, "connect", 0),
        (b"", "connect", 0),
    ],
)
def test_a_server_that_cannot_greet_is_a_failure_of_the_channel(
    greeting: bytes, phase: str, code: int
) -> None:
    with Sink(greeting=greeting) as sink:
        settings = SmtpSettings("127.0.0.1", sink.port, tls="off", timeout=0.5)
        failure = refused(sink, settings)
        assert (failure.phase, failure.code) == (phase, code)
        assert len(str(failure)) < 500


def test_a_line_without_end_is_given_up_long_before_the_time_is() -> None:
    with Sink(greeting=b"220-" + b"x" * 1_000_000) as sink:
        refused(sink, SmtpSettings("127.0.0.1", sink.port, tls="off", timeout=600))
