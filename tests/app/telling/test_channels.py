"""Channels as they are in life: a server that hangs, refuses or fails, and secrets nobody sees."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.settings import Settings, unknown_settings
from app.telling.notifier import WORKERS, ChannelNotifier, Lane
from app.telling.office_mail import compose_mail
from handoff.telling.notifier import Telling
from nurture.delivery.carriers.maildir import MaildirTransport
from nurture.webhooks.http import HttpCaller
from nurture.webhooks.port import Answer
from nurture.webhooks.signing import headers, read_secrets
from tests.commands import invoke
from tests.handoff import sales_desk as desk

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CANARY = "tokencanarytokencanary"
WHSEC = "whsec_" + "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"


@dataclass
class Receiver:
    """A server on this machine: /bad answers 500, /hang nothing until it is let go."""

    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    let_go: Event = field(default_factory=Event)
    port: int = 0


@contextmanager
def _receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append((self.path, dict(self.headers), json.loads(body)))
            if "hang" in self.path:
                receiver.let_go.wait(20)
            self.send_response(500 if "bad" in self.path else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with _receiving() as found:
        yield found


def notifier(receiver: Receiver, folder: Path, **settings: Any) -> ChannelNotifier:
    known = desk.definitions(None)
    said = known.workspace.model_dump(by_alias=True, exclude_unset=True) | {
        "channels": {
            **{name: {"from": f"NURTURE_CHANNEL_{name.upper()}"}
               for name in ("chat", "bad", "hang", "refuses", "strange", "unset")},
            "hook": {"webhook": f"http://127.0.0.1:{receiver.port}/hook"},
        },
        "webhooks": {"allow": ["127.0.0.1"]},
    }  # fmt: skip
    made = desk.definitions(None)
    object.__setattr__(made, "workspace", type(known.workspace).model_validate(said))
    kept = Settings(**settings)
    caller = HttpCaller(kept.webhook_keys, lambda: NOW)
    return ChannelNotifier(kept, lambda: made, MaildirTransport(folder), caller, timeout=5.0)


@pytest.fixture
def told(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ChannelNotifier:
    base = f"json://127.0.0.1:{receiver.port}"
    for name, address in {
        "CHAT": f"{base}/{CANARY}", "BAD": f"{base}/bad/{CANARY}",
        "HANG": f"{base}/hang/{CANARY}", "REFUSES": f"json://127.0.0.1:1/{CANARY}",
        "STRANGE": f"nonsense://{CANARY}",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"NURTURE_CHANNEL_{name}", address)
    return notifier(receiver, tmp_path / "mail", webhook_secret=WHSEC)


def telling(channel: str, **values: Any) -> Telling:
    return Telling(channel, "notice_1", "For Bo: Ann", "80 points\nhttp://x.test/h/A_b-c", NOW,
                   **values)  # fmt: skip


def test_what_channels_answer(
    told: ChannelNotifier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = {
        name: told.tell(telling(name))
        for name in ("chat", "bad", "refuses", "strange", "unset", "hook")
    }
    answers = {name: future.result(20) for name, future in asked.items()}
    assert {name: (each.verdict, each.reason) for name, each in answers.items()} == {
        "chat": ("done", "taken"),
        "bad": ("again", "it did not take the notice"),
        "refuses": ("again", "it did not take the notice"),
        "strange": ("failed", "its address is none that can be spoken to"),
        "unset": ("failed", "NURTURE_CHANNEL_UNSET is not set"),
        "hook": ("done", "answered 200"),
    }
    (said,) = [body for path, _, body in receiver.got if path == f"/{CANARY}"]
    assert (said["title"], said["message"]) == (
        "For Bo: Ann", "80 points\nhttp://x.test/h/A_b-c",
    )  # fmt: skip
    ((_, sent, body),) = [each for each in receiver.got if each[0] == "/hook"]
    assert body["id"] == sent["webhook-id"] == "notice_1"
    signed = headers(read_secrets(WHSEC), number="notice_1", at=NOW,
                     body=json.dumps(body, ensure_ascii=False))  # fmt: skip
    assert sent["webhook-signature"] == signed["webhook-signature"]
    own = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert not [record for record in own if CANARY in record.getMessage()]


def test_one_that_hangs_is_given_up_and_holds_up_no_other(
    told: ChannelNotifier, receiver: Receiver
) -> None:
    told.timeout = 0.2
    hanging = told.tell(telling("hang"))
    told.timeout = 20.0
    other = told.tell(telling("chat"))
    assert other.result(20).verdict == "done"
    assert hanging.result(20) == Answer("again", 0, "no answer within 0.2 seconds")
    receiver.let_go.set()


def test_a_lane_begins_another_thread_when_one_hangs_and_gives_up_at_last() -> None:
    lane, over = Lane("chat"), Event()

    def hang() -> Answer:
        over.wait(20)
        return Answer("done", 0, "late")

    for _ in range(WORKERS):
        assert lane.run(hang, 0.05).result(5).verdict == "again"
        time.sleep(0.06)
    assert lane.run(hang, 0.05).result(5).reason == f"{WORKERS} notices before it still hang"
    over.set()
    while lane._busy:
        time.sleep(0.01)
    assert lane.run(lambda: Answer("done", 0, "taken"), 5.0).result(5).verdict == "done"


def test_what_breaks_off_says_nothing_of_the_address() -> None:
    def broken() -> Answer:
        raise RuntimeError(f"https://hooks.example.test/{CANARY}")

    answer = Lane("chat").run(broken, 5.0).result(5)
    assert (answer.verdict, answer.reason) == ("again", "it broke off: RuntimeError")


def test_mail_of_the_office_has_the_same_bytes_at_every_try(
    told: ChannelNotifier, tmp_path: Path
) -> None:
    one = telling("email", recipient="ops@example.test")
    for _ in range(2):
        assert told.tell(one).result(20).verdict == "done"
    (kept,) = (tmp_path / "mail" / "new").iterdir()  # a mail kept twice is there once
    known = told.definitions()
    assert compose_mail(known, one) == compose_mail(known, one)
    assert b"Message-ID: <notice_1@example.test>" in kept.read_bytes()


def test_nobody_sees_an_address(
    told: ChannelNotifier, receiver: Receiver, tmp_path: Path
) -> None:
    """Commands, doctor, logs and ledger of a whole workspace."""
    folder = tmp_path / "company"
    assert invoke("init", str(folder)).exit_code == 0
    with (folder / "nurture.yaml").open("a") as file:
        file.write(
            "\nchannels:\n  chat: {from: NURTURE_CHANNEL_CHAT}\n"
            "  bad: {from: NURTURE_CHANNEL_BAD}\n  unset: {from: NURTURE_CHANNEL_UNSET}\n"
        )
    said = []
    for words, code in (
        (("apply",), 0), (("channels", "list"), 0), (("channels", "list", "--json"), 0),
        (("channels", "test", "chat"), 0), (("channels", "test", "bad", "--json"), 1),
        (("channels", "test", "chatt"), 1), (("doctor",), 1),
    ):  # fmt: skip
        result = invoke(*words, "-w", str(folder))
        assert result.exit_code == code, result.output
        said.append(result.output)
    assert "NURTURE_CHANNEL_UNSET is not set" in said[1]
    assert "JSON" in said[1]
    assert "has no channel 'chatt'" in said[5]
    assert "nobody is told when a channel is out of order" in said[6]
    for text in said:
        assert CANARY not in text
    for path in folder.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_addresses_and_their_tokens_are_among_what_logs_hide(
    told: ChannelNotifier, receiver: Receiver
) -> None:
    hidden = told.settings.secrets()
    assert CANARY in hidden
    assert f"json://127.0.0.1:{receiver.port}/{CANARY}" in hidden
    assert CANARY not in repr(told.settings)
    assert not [name for name in unknown_settings() if "CHANNEL" in name]


def test_a_slow_channel_is_no_dead_one() -> None:
    """Eight notices of a third of the time each: all have theirs, one after another."""
    lane = Lane("chat")

    def slow() -> Answer:
        time.sleep(0.1)
        return Answer("done", 0, "")

    answers = [lane.run(slow, 0.3) for _ in range(8)]
    assert [each.result(10).verdict for each in answers] == ["done"] * 8
