"""Mail into a folder."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path

import pytest

from nurture.delivery.carriers import maildir
from nurture.delivery.carriers.exchange import exchange
from nurture.delivery.carriers.maildir import MaildirTransport
from nurture.delivery.carriers.transport import ChannelFailed, Outgoing

MAILS = [
    Outgoing(n, "a@example.test", "b@example.test", f"Subject: {n}\r\n\r\n.hi\r\n".encode())
    for n in range(3)
]


@pytest.mark.parametrize("durable", [True, False])
def test_mails_are_there_for_every_mail_program(tmp_path: Path, durable: bool) -> None:
    folder = tmp_path / "mail" / "out"
    with MaildirTransport(folder, durable=durable).open() as connection:
        replies = exchange([connection], MAILS)
    assert [(r.ref, r.verdict, r.phase) for r in replies] == [(n, "sent", "dot") for n in range(3)]
    box = mailbox.Maildir(folder, create=False)
    assert sorted(mail["Subject"] for mail in box) == ["0", "1", "2"]
    assert not list((folder / "tmp").iterdir())


def test_the_same_mail_handed_over_twice_is_there_once(tmp_path: Path) -> None:
    with MaildirTransport(tmp_path).open() as connection:
        exchange([connection], MAILS)
        exchange([connection], MAILS)
    assert len(mailbox.Maildir(tmp_path, create=False)) == 3


def test_a_folder_that_cannot_be_made_is_a_failure_of_the_channel(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ChannelFailed, match="folder"), MaildirTransport(tmp_path / "file").open():
        pass


def test_a_disk_that_fails_says_nothing_against_the_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with MaildirTransport(tmp_path).open() as connection:
        monkeypatch.setattr(maildir.os, "fsync", full)
        replies = exchange([connection], MAILS)
        monkeypatch.setattr(maildir.os, "fsync", os.fsync)
    assert {r.verdict for r in replies} == {"channel"}
    assert "No space left" in replies[0].text
    assert not list((tmp_path / "new").iterdir())
