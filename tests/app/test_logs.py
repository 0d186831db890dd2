"""No address, token or password reaches a log, whoever writes it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.logs import logging_to, redacted

TOKEN = "abcd1234_" + "Xy0-_" * 8 + "abc"
LINK = "QUJDRA.AbCdEfGhIjKlMnOpQrStUvWx"
CANARIES = [
    "canary-7f3@example.test",
    "Canary.O'Neil+tag@sub.example.test",
    "kanarienvögel@bücher.example.test",
    "canary%40example.test",
    TOKEN,
    LINK,
    "Bearer canary0123456789",
    "postgresql://user:canary-pw@db.example.test/x",
    "password=canary-pw",
]
PARTS = ("canary", "Canary", "kanarien", "Xy0-_Xy0", "AbCdEfGh")


@pytest.mark.parametrize("said", CANARIES)
def test_a_log_never_holds_what_is_about_somebody(tmp_path: Path, said: str) -> None:
    path = tmp_path / "log" / "nurture.log"
    log = logging.getLogger("prefect.flow_runs")
    with logging_to(path, secrets=("plain-secret-word",)):
        log.error("message %s", said)
        log.error(f"in the text: {said}")  # noqa: G004
        log.error("by name %(who)s", {"who": said})
        log.error(ValueError(said))
        log.error("a secret plain-secret-word, a number %d", 5)
        try:
            raise ValueError(f"about {said}")
        except ValueError:
            log.exception("it failed: %r", [said])
    text = path.read_text(encoding="utf-8")
    assert text.count("ERROR") == 6
    assert "Traceback" in text
    assert "a number 5" in text
    assert "plain-secret-word" not in text
    assert not [part for part in PARTS if part in text], text
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "trial-welcome/interest/2 moved 500 leads at 2026-03-02 09:00:00.000000",
        "GET /health 200 127.0.0.1:8080",
        "nurture.language.versions.load_definitions in app.get",
        "@app.get of lead 17, host:1234:5678/1",
        "handoff.some_module_name_of_24_x",
    ],
)
def test_what_is_about_nobody_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_the_log_is_taken_away_again(tmp_path: Path) -> None:
    before = (logging.getLogRecordFactory(), list(logging.getLogger().handlers))
    with logging_to(tmp_path / "x.log"):
        pass
    assert (logging.getLogRecordFactory(), list(logging.getLogger().handlers)) == before
    assert not (tmp_path / "x.log").exists()
