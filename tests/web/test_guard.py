"""The gate: hosts, headers, sizes, slow and broken requests, and what errors give away."""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any

import pytest

from app.web import guard
from app.web.rates import Rate, network_of
from tests.web.conftest import Mail, Place

CHUNK = b"x" * 65_536


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:8000", 200),
        ("evil.test", 400), ("127.0.0.1.evil.test", 400), ("evil.test:8000", 400), ("", 400),
        ("x/health?", 400), ("169.254.169.254", 400), ("0.0.0.0", 400),
    ],
)  # fmt: skip
def test_only_our_own_hosts_are_answered(place: Place, host: str, code: int) -> None:
    assert place.ask("GET", "/health", headers={"host": host}).status_code == code


def test_links_never_come_from_the_host_header(place: Place, mail: Mail) -> None:
    answer = place.ask("GET", mail.unsubscribe, headers={"x-forwarded-host": "evil.test"})
    assert "evil" not in answer.text


def test_every_answer_carries_the_headers(place: Place, mail: Mail) -> None:
    for path in ("/", "/health", mail.click(), mail.open, mail.unsubscribe, "/no", "/u/x"):
        headers = place.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "noindex" in headers["x-robots-tag"]
        assert "server" not in headers
        assert "set-cookie" not in headers
        assert "access-control-allow-origin" not in headers


def in_chunks(count: int, counted: list[int]) -> Any:
    async def chunks() -> Any:
        for _ in range(count):
            counted.append(len(CHUNK))
            yield CHUNK

    return chunks()


@pytest.mark.parametrize("path", ["/engagements", "/u/", "/h/"])
def test_a_hundred_megabytes_without_a_length_are_cut_off(
    place: Place, mail: Mail, path: str
) -> None:
    url = mail.unsubscribe if path == "/u/" else path
    headers = {"content-type": "application/json"} | place.token()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted: list[int] = []
    answer = place.ask("POST", url, content=in_chunks(1600, counted), headers=headers)
    assert answer.status_code in (413, 404)
    assert sum(counted) <= 1024 * 1024 + guard.DISCARDED + 2 * len(CHUNK)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_a_length_that_is_too_large_is_refused_at_once(place: Place) -> None:
    counted: list[int] = []
    headers = {"content-length": "104857600"} | place.token()
    answer = place.ask("POST", "/engagements", content=in_chunks(1600, counted), headers=headers)
    assert answer.status_code == 413
    assert sum(counted) <= guard.DISCARDED + len(CHUNK)


def test_a_body_that_does_not_come_is_not_waited_for(
    place: Place, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.2)

    async def slowly() -> Any:
        yield b"List-"
        await asyncio.sleep(30)

    answer = place.ask("POST", mail.unsubscribe, content=slowly())
    assert answer.status_code == 408


def test_an_error_of_ours_tells_nothing_and_its_log_names_nobody(
    place: Place, mail: Mail, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        raise RuntimeError("canary-7f3@x.example with password hunter2")

    monkeypatch.setattr(place.site.runtime, "definitions", broken)
    with caplog.at_level(logging.DEBUG):
        page = place.ask("GET", mail.unsubscribe)
        posted = place.ask(
            "POST", "/engagements", content="[]",
            headers=place.token() | {"content-type": "application/json"},
        )  # fmt: skip
    assert page.status_code == posted.status_code == 500
    ours = [each.getMessage() for each in caplog.records if each.name != "httpx"]
    assert set(posted.json()) == {"error"}
    for text in (page.text, posted.text, "".join(ours)):
        for secret in ("canary", "hunter2", "Traceback", ".py", mail.unsubscribe):
            assert secret not in text
    assert "RuntimeError in broken" in caplog.text


def test_a_flood_is_refused_but_for_pictures(place: Place, mail: Mail) -> None:
    place.site.asked.limit = 3
    codes = [place.ask("GET", "/u/x", peer="203.0.113.4").status_code for _ in range(5)]
    assert codes == [404] * 3 + [429] * 2
    assert place.ask("GET", mail.open, peer="203.0.113.99").status_code == 200
    assert place.ask("GET", mail.unsubscribe).status_code == 200


def test_networks_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.rates.NETWORKS", 3)
    rate = Rate(1)
    assert [rate.take(str(n)) for n in range(5)] == [True, True, True, True, False]
    assert len(rate._counts) == 4
    assert rate.take("")


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("127.0.0.1", ""), ("::1", ""), ("::ffff:127.0.0.1", ""),
        ("203.0.113.77", "203.0.113.0/24"), ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff::5", "2001:db8:1:200::/56"), ("", "unknown"), ("nonsense", "unknown"),
    ],
)  # fmt: skip
def test_a_clients_network(host: str, network: str) -> None:
    assert network_of(host) == network
