"""The way to a CRM: it ends in time, follows nobody elsewhere, reads a bounded answer, and tells no
token."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.crm import http
from app.crm.http import LONGEST, MOST_BYTES, PATIENCE, Line
from app.crm.hubspot import HubSpot
from app.crm.salesforce import Salesforce
from handoff.crm.port import WITHIN
from tests.app.crm.cards import CARD, NOW
from tests.app.crm.hubspot_vendor import TOKEN, HubSpotVendor
from tests.app.crm.salesforce_vendor import KEY, SECRET, SalesforceVendor
from tests.app.crm.vendor import HERE, Fault, Said


@dataclass
class Drip:
    """Answers a letter at a time, for ever; `begun` is what it says at once."""

    begun: bytes

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(self.begun)
                    while not self._over.wait(0.02):
                        connection.sendall(b"x")

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture(params=[b"", b"HTTP/1.1 200 OK\r\nx-", b"HTTP/1.1 200 OK\r\n\r\n{"])
def drip(request: pytest.FixtureRequest) -> Iterator[Drip]:
    made = Drip(request.param)
    yield made
    made.close()


def test_the_patience_lies_within_the_ports_promise() -> None:
    assert WITHIN.total_seconds() - 10 > PATIENCE


def test_one_that_hangs_is_given_up(hasty: HubSpot, there: HubSpotVendor) -> None:
    there.faults += [Fault(hang=20), Fault(hang=20), Fault(hang=20)]
    push, pull, check = hasty.push(CARD), hasty.pull("", now=NOW), hasty.check()
    answers = [push.result(10).answer, pull.result(10).answer, check.result(10)]
    assert [answer.verdict for answer in answers] == ["again"] * 3
    assert {answer.reason for answer in answers} == {"no answer within 0.6 seconds"}


def test_one_that_drips_is_given_up(drip: Drip) -> None:
    ours = HubSpot(SecretStr(TOKEN), base_url=drip.url, allow=HERE, patience=0.5)
    answer = ours.push(CARD).result(timeout=10).answer
    ours.close()
    assert answer.verdict == "again"


def test_many_at_once_wait_their_turn_and_all_are_answered(
    hasty: HubSpot, there: HubSpotVendor
) -> None:
    there.faults += [Fault(hang=20) for _ in range(4)]
    results = [hasty.push(CARD).result for _ in range(30)]
    verdicts = [result(timeout=10).answer.verdict for result in results]
    assert verdicts == ["again"] * 30


def test_nobody_there_is_tried_again() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{free.getsockname()[1]}"
    free.close()
    ours = HubSpot(SecretStr(TOKEN), base_url=url, allow=HERE)
    answer = ours.push(CARD).result(timeout=20).answer
    ours.close()
    assert answer.verdict == "again"
    assert answer.reason.startswith("no connection")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(hubspot: HubSpot, there: HubSpotVendor, status: int) -> None:
    there.faults.append(Fault(said=Said(status, None, {"location": f"{there.url}/elsewhere"})))
    answer = hubspot.push(CARD).result(timeout=20).answer
    assert (answer.verdict, answer.status) == ("failed", status)
    assert len(there.asked) == 1


def test_a_huge_answer_is_not_read_to_its_end(hubspot: HubSpot, there: HubSpotVendor) -> None:
    there.faults.append(Fault(raw=b"[" + b"1," * MOST_BYTES))
    answer = hubspot.push(CARD).result(timeout=20).answer
    assert (answer.verdict, answer.reason) == ("again", "its answer is longer than 4 MiB")


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"\xff\xfe", b"7", b"null", b"[" * 100_000, b'{"results": 7}']
)
def test_an_answer_that_is_none_of_its_documents_is_tried_again(
    hubspot: HubSpot, there: HubSpotVendor, raw: bytes
) -> None:
    there.faults.append(Fault(raw=raw))
    answer = hubspot.push(CARD).result(timeout=20).answer
    assert answer.verdict == "again"
    assert hubspot.push(CARD).result(timeout=20).answer.verdict == "done"
    assert (len(there.contacts), len(there.deals)) == (1, 1)


def test_no_proxy_of_the_environment_is_asked(
    hubspot: HubSpot, there: HubSpotVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
    assert hubspot.push(CARD).result(timeout=20).answer.verdict == "done"


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://api.hubapi.com", True), ("http://127.0.0.1:80", True), ("http://localhost", True),
        ("http://api.hubapi.com", False), ("api.hubapi.com", False), ("", False),
        ("https://user:pass@api.hubapi.com", False), ("https://", False), ("ftp://x", False),
        ("https://api.hubapi.com?x=1", False), ("https://[", False), ("https://x:99999", False),
    ],
)  # fmt: skip
def test_a_token_goes_over_tls_alone(url: str, fits: bool) -> None:
    assert (Line(url).trouble == "") is fits
    assert (HubSpot(SecretStr(TOKEN), base_url=url).trouble == "") is fits


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_inside_a_network_is_not_connected_to(there: HubSpotVendor, host: str) -> None:
    ours = HubSpot(SecretStr(TOKEN), base_url=f"http://{host}:{urlsplit(there.url).port}")
    answers = [ours.push(CARD).result(5).answer, ours.pull("", now=NOW).result(5).answer]
    answers.append(ours.check().result(5))
    ours.close()
    for answer in answers:
        assert (answer.verdict, answer.status) == ("again", 0)
        assert "where calls do not go: allow it in nurture.yaml (webhooks.allow)" in answer.reason
    assert there.asked == []


def test_a_name_that_leads_inside_a_network_is_not_connected_to(
    org: SalesforceVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(host: str, port: int, **rest: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    keys = SecretStr(KEY), SecretStr(SECRET)
    ours = Salesforce(*keys, base_url="https://example.my.salesforce.com", allow=HERE)
    answer = ours.check().result(5)
    ours.close()
    assert answer.verdict == "again"
    assert "example.my.salesforce.com is 10.0.0.7, where calls do not go" in answer.reason


def test_one_that_speaks_no_tls_is_told_nothing() -> None:
    heard: list[bytes] = []
    plain = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        connection, _ = plain.accept()
        with connection:
            heard.append(connection.recv(65_536))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    port = plain.getsockname()[1]
    ours = HubSpot(SecretStr(TOKEN), base_url=f"https://127.0.0.1:{port}", allow=HERE, patience=5)
    answer = ours.push(CARD).result(timeout=20).answer
    ours.close()
    thread.join(5)
    plain.close()
    assert answer.verdict == "again"
    assert heard
    assert b"5f0c2d1e" not in b"".join(heard)


def test_after_a_limit_nothing_is_asked_for_a_while(
    hubspot: HubSpot, there: HubSpotVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HOLD", timedelta(minutes=1))
    there.faults.append(Fault(said=Said(429, {"message": "slow"}, {"retry-after": "40"})))
    answers = [hubspot.push(CARD).result(timeout=20).answer for _ in range(5)]
    answers.append(hubspot.pull("", now=NOW).result(timeout=20).answer)
    assert {answer.verdict for answer in answers} == {"again"}
    assert {answer.later for answer in answers} == {timedelta(seconds=40)}
    assert len(there.asked) == 1
    ahead = monotonic() + 41
    monkeypatch.setattr(http, "monotonic", lambda: ahead)
    assert hubspot.push(CARD).result(timeout=20).answer.verdict == "done"


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f" {TOKEN}", "a b", "é", "\0"])
def test_a_token_that_cannot_be_sent_is_trouble_and_not_shown(token: str) -> None:
    ours = HubSpot(SecretStr(token), base_url="http://127.0.0.1:1")
    assert "holds a space or a line break" in ours.trouble
    answer = ours.push(CARD).result(timeout=5).answer
    assert (answer.verdict, answer.reason) == ("failed", ours.trouble)
    assert TOKEN not in answer.reason


def test_without_a_token_there_is_trouble() -> None:
    assert "waits for a token" in HubSpot(SecretStr("")).trouble


def test_nothing_written_holds_the_token(
    hubspot: HubSpot, there: HubSpotVendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    there.token = "another"
    told = [repr(hubspot), str(vars(hubspot)), repr(hubspot.push(CARD).result(timeout=20))]
    assert not any("5f0c2d1e" in text for text in told)
    assert "5f0c2d1e" not in caplog.text


def test_what_is_under_way_at_the_end_or_begins_after_it_is_answered(
    there: HubSpotVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "GRACE", 0.3)
    ours = HubSpot(SecretStr(TOKEN), base_url=there.url, allow=HERE)
    there.faults += [Fault(hang=20) for _ in range(4)]
    late = [ours.push(CARD) for _ in range(12)]
    ours.close()
    late.append(ours.push(CARD))
    answers = [one.result(timeout=1).answer for one in late]
    assert {answer.reason for answer in answers} == {"the program ended before it was answered"}
    assert {answer.verdict for answer in answers} == {"again"}
    ours.close()


def test_one_given_up_by_its_caller_disturbs_nobody(hubspot: HubSpot, there: HubSpotVendor) -> None:
    there.faults.append(Fault(hang=0.3))
    given_up = hubspot.push(CARD)
    given_up.cancel()
    assert hubspot.push(CARD).result(timeout=20).answer.verdict == "done"


def test_an_error_of_ours_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line("http://127.0.0.1:1")

    async def breaks() -> str:
        await asyncio.sleep(0)
        raise KeyError("secret")

    answer = line.begin(breaks, lambda end: end.reason).result(timeout=5)
    line.close()
    assert answer == "its answer could not be read: KeyError"


@given(words=st.text(max_size=2_000), at=st.integers(0, 2_000))
def test_no_words_show_a_secret_or_break_a_line(words: str, at: int) -> None:
    line = Line("https://crm.example.test", secrets=(TOKEN,))
    shown = line.shown(words[:at] + TOKEN + words[at:])
    assert TOKEN not in shown
    assert len(shown) <= LONGEST
    assert shown.isprintable() or not any(ord(letter) < 32 for letter in shown)
    shown.encode()
