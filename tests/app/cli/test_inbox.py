"""`nurture inbox`: a link for whoever has this machine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from nurture.ledger.access import signing_in
from tests.app.cli.conftest import Run, document, ledger_of


@pytest.mark.parametrize(
    "who",
    ["bo", "bo.lindqvist@example.test", "Bo.Lindqvist@EXAMPLE.test", "dana.ruiz@example.test"],
)
def test_a_link_signs_in_as_somebody_of_handoff_yaml(run: Run, folder: Path, who: str) -> None:
    said = document(run("inbox", who, "--json"))
    assert said["url"].startswith("http://127.0.0.1:8080/sign-in/")
    ledger = ledger_of(folder)
    with ledger.begin() as session:
        now = ledger_now(said["expires_at"])
        token = said["url"].rsplit("/", 1)[1]
        link = signing_in.find_link(session, token, browser="any", now=now)
        assert link
        assert (link.state, link.email) == ("good", said["email"].casefold())
        assert signing_in.use_link(session, link, now=now)
        assert signing_in.use_link(session, link, now=now) is None
    ledger.close()


def ledger_now(expires: str) -> datetime:
    return datetime.fromisoformat(expires) - signing_in.LINK_LIVES


def test_it_says_who_and_for_how_long_and_keeps_the_secret_out_of_the_log(
    run: Run, folder: Path
) -> None:
    said = run("inbox", "mareike")
    assert said.exit_code == 0
    assert "Signs in as Mareike Thoms, once, until" in said.stderr
    _, secret = said.stdout.strip().rsplit("/", 1)[1].split("_", 1)  # which may hold further ones
    assert len(secret) == 43
    for file in folder.rglob("*.log"):
        assert secret not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("boo", "Nobody of handoff.yaml is 'boo'. Nearest: bo."),
        ("ann@example.test", "Nobody of handoff.yaml is 'ann@example.test'."),
        ("", "Nobody of handoff.yaml is ''."),
    ],
)
def test_others_get_none(run: Run, who: str, said: str) -> None:
    done = run("inbox", who)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stdout == ""
