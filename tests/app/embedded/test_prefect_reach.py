"""Whether a Prefect server answers: quickly, whatever is there, and past every proxy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.embedded.prefect_reach import reachable


def test_reachable_says_no_for_whatever_is_there(silent_address: str) -> None:
    assert not reachable(f"http://{silent_address}/api", timeout=0.3)
    assert not reachable("http://127.0.0.1:1/api", timeout=0.3)
    assert not reachable("http://[bad/api", timeout=0.3)


def test_reachable_ignores_an_http_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), _Healthy) as here:
        thread = threading.Thread(target=here.serve_forever)
        thread.start()
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        try:
            assert reachable(f"http://127.0.0.1:{here.server_port}/api", timeout=2)
        finally:
            here.shutdown()
            thread.join()


@pytest.fixture
def silent_address() -> Iterator[str]:
    """A listener that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield "{}:{}".format(*listener.getsockname())


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""
