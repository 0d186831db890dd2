"""The server itself: where it may listen, a real round trip, and how it ends."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from app.web.serve import ListenFailed, may_listen, serve
from nurture.ledger.access.tokens import revoke_token
from nurture.ledger.errors import InputRefused
from tests.fixtures_ledger import NOW
from tests.web.conftest import Mail, Place


def test_it_listens_elsewhere_only_with_a_token_in_force(place: Place) -> None:
    with place.ledger.begin() as session:
        for host in ("127.0.0.1", "::1", "localhost"):
            may_listen(host, session)
        for host in ("0.0.0.0", "::", "192.0.2.1", "example.test", ""):
            with pytest.raises(InputRefused, match="nurture tokens create"):
                may_listen(host, session)
    token = place.token()["authorization"].split()[1]
    with place.ledger.begin() as session:
        may_listen("0.0.0.0", session)
        revoke_token(session, token, now=NOW)
        with pytest.raises(InputRefused, match="no API token"):
            may_listen("0.0.0.0", session)


def test_a_real_round_trip(place: Place, mail: Mail) -> None:
    async def visit() -> list[httpx.Response]:
        serving = await serve(place.app, "127.0.0.1", 0)
        try:
            async with httpx.AsyncClient(base_url=serving.url, trust_env=False) as client:
                headers = place.token() | {"content-type": "application/json"}
                large = b"x" * (2 * 1024 * 1024)
                return [
                    await client.get("/health"),
                    await client.get(mail.click()),
                    await client.post("/engagements", content=b"[]", headers=headers),
                    await client.post("/engagements", content=large, headers=headers),
                    await client.get("/health", headers={"x-forwarded-for": "203.0.113.9"}),
                ]
        finally:
            await serving.stop()
            await serving.stop()

    health, click, posted, large, proxied = asyncio.run(visit())
    assert health.json()["status"] == "ok"
    assert "server" not in health.headers
    assert click.status_code == 302
    assert posted.status_code == 202
    assert large.status_code == 413
    assert proxied.json() == {"status": "ok"}


def test_a_taken_port_is_said_in_words(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ListenFailed, match="Stop what uses that port"):
            asyncio.run(serve(place.app, "127.0.0.1", taken.getsockname()[1]))
