"""Calls over real sockets: signed, bounded, to checked addresses alone."""

from __future__ import annotations

import base64
import hmac
import socket
import threading
from datetime import timedelta
from typing import Any

import pytest

from nurture.webhooks.http import PER_HOST
from nurture.webhooks.port import Call
from nurture.webhooks.signing import number_of
from tests.webhooks.conftest import HERE, KEYS, NOW, Caller, System, answering


def headers_of(asked: bytes) -> dict[str, str]:
    lines = asked.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_call_is_posted_with_a_signature_of_every_secret(system: System, caller: Caller) -> None:
    answer = caller(system.url("/leads?team=1"))
    assert (answer.verdict, answer.status, answer.reason) == ("done", 204, "answered 204")
    (asked,) = system.asked
    assert asked.startswith(b"POST /leads?team=1 HTTP/1.1\r\n")
    assert asked.endswith(b'\r\n\r\n{"type": "x"}')
    said = headers_of(asked)
    assert said["host"] == f"127.0.0.1:{system.port}"
    assert (said["webhook-id"], said["webhook-timestamp"]) == ("call_1", "1772438400")
    signed = b'call_1.1772438400.{"type": "x"}'
    assert said["webhook-signature"].split() == [
        f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}" for key in KEYS
    ]
    assert number_of(7, "webhook:crm#1", NOW) == number_of(7, "webhook:crm#1", NOW)
    assert number_of(7, "webhook:crm#1", NOW) != number_of(8, "webhook:crm#1", NOW)


@pytest.mark.parametrize(
    ("status", "header", "verdict", "later"),
    [
        ("200 OK", "", "done", None),
        ("503 Busy", "retry-after: 120", "again", timedelta(minutes=2)),
        ("429 Slow", "retry-after: Mon, 02 Mar 2026 08:10:00 GMT", "again", timedelta(minutes=10)),
        ("425 Early", "retry-after: 99999999999999", "again", timedelta(hours=6)),
        ("408 Late", "retry-after: soon", "again", None),
        ("410 Gone", "", "failed", None),
        ("404 No", "retry-after: 5", "failed", None),
        ("302 There", "location: /elsewhere", "failed", None),
    ],
)
def test_what_a_status_means(
    system: System, caller: Caller, status: str, header: str, verdict: str, later: Any
) -> None:
    system.talk = answering(status, *[header][: bool(header)])
    answer = caller(system.url())
    assert (answer.verdict, answer.status, answer.later) == (verdict, int(status[:3]), later)
    assert len(system.asked) == 1  # no redirect was followed


def slowly(connection: socket.socket, asked: bytes) -> None:
    """A header that never ends, a letter at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.sendall(b"a")
        threading.Event().wait(0.05)


def endless(connection: socket.socket, asked: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"a" * 65536)


@pytest.mark.parametrize(
    ("talk", "verdict", "reason"),
    [
        (slowly, "again", "no answer within 0.6 seconds"),
        (lambda connection, asked: threading.Event().wait(2), "again", "no answer within 0.6"),
        (lambda connection, asked: None, "again", "no connection: Server disconnected"),
        (lambda connection, asked: connection.sendall(b"HELO\r\n\r\n"), "again", "no connection: "),
        (endless, "done", "answered 200"),
        (answering("200 OK", body=b"[" * 60_000), "done", "answered 200"),
        (answering("200 OK", body=b'{"n": 1e999, "s": "\\ud800", "deep": {}}'), "done", ""),
    ],
)
def test_no_answer_takes_longer_or_is_larger_than_it_may(
    system: System, hasty: Caller, talk: Any, verdict: str, reason: str
) -> None:
    system.talk = talk
    answer = hasty(system.url())
    assert answer.verdict == verdict
    assert answer.reason.startswith(reason)
    assert dict(answer.said) == {}


def test_what_a_small_answer_says_can_be_asked_for(system: System, caller: Caller) -> None:
    system.talk = answering("200 OK", body=b'{"tier": "gold", "n": 3, "ok": true, "more": [1]}')
    assert dict(caller(system.url()).said) == {
        "answer.tier": "gold", "answer.n": 3, "answer.ok": True,
    }  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_an_address_that_is_not_public_is_not_connected_to(
    system: System, caller: Caller, host: str
) -> None:
    answer = caller(f"http://{host}:{system.port}/", allow=())
    assert (answer.verdict, answer.status) == ("failed", 0)
    assert "where calls do not go: allow it in nurture.yaml (webhooks.allow)" in answer.reason
    assert system.asked == []


def test_a_name_is_looked_up_once_and_only_what_was_checked_is_connected_to(
    system: System, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []

    def lookup(host: str, port: int, **rest: Any) -> list[Any]:
        looked_up.append(host)
        found = ["10.0.0.7", "127.0.0.1"] if len(looked_up) == 1 else ["10.0.0.7"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    answer = caller(f"http://crm.example.test:{system.port}/", allow=HERE)
    assert answer.verdict == "done"
    assert headers_of(system.asked[0])["host"] == f"crm.example.test:{system.port}"
    assert looked_up == ["crm.example.test"]
    assert "10.0.0.7" in caller(f"http://crm.example.test:{system.port}/", allow=HERE).reason


def test_a_proxy_of_the_environment_is_not_asked(
    system: System, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert caller(system.url()).verdict == "done"


def test_a_host_gets_few_calls_at_once_and_holds_up_no_other(hasty: Caller) -> None:
    slow, quick = System(talk=lambda connection, asked: threading.Event().wait(5)), System()  # type: ignore[arg-type]
    waiting = [
        hasty.inner.call(Call(str(n), "slow", slow.url(), "slow", "{}", HERE)) for n in range(20)
    ]
    assert hasty(quick.url()).verdict == "done"
    assert len(slow.asked) <= PER_HOST
    assert [each.result(timeout=20).verdict for each in waiting] == ["again"] * 20
    slow.close(), quick.close()


def test_an_end_gives_up_what_was_not_begun(system: System, caller: Caller) -> None:
    system.talk = lambda connection, asked: threading.Event().wait(0.3)  # type: ignore[assignment,return-value]
    calls = [Call(str(n), "crm", system.url(), "crm", "{}", HERE) for n in range(30)]
    waiting = [caller.inner.call(call) for call in calls]
    while not system.asked:
        threading.Event().wait(0.01)
    caller.inner.close()
    reasons = [each.result(timeout=0).reason for each in waiting]
    assert reasons.count("the program ended before its turn") == 30 - PER_HOST
