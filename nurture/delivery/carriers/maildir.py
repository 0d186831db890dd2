"""Mail into a local Maildir: the default until somebody names an SMTP host.

Each mail is written to `tmp`, flushed to the disk and renamed into `new`, so that a mail seen in
the folder is whole.  Its name comes from its bytes: the same mail handed over twice is there once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nurture.delivery.carriers.transport import ChannelFailed, Outgoing, Reply


@dataclass(frozen=True, slots=True)
class MaildirTransport:
    """A folder in the layout `mailbox.Maildir` and mail programs read; made when first opened.

    With `durable` off nothing waits for the disk: for rehearsals.
    """

    folder: Path
    durable: bool = True

    @contextmanager
    def open(self) -> Iterator[MaildirConnection]:
        """Raises `ChannelFailed` when the folder cannot be made or written to."""
        try:
            for name in ("tmp", "new", "cur"):
                (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as failure:
            raise ChannelFailed(_failed(failure), phase="connect") from failure
        yield MaildirConnection(self.folder, durable=self.durable)


class MaildirConnection:
    """Writes windows into the folder; a disk that is full or gone is the channel's trouble."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply]:
        """Replies follow when the whole window is on the disk: one flush of the folder for all."""
        replies = [self._keep(mail) for mail in window]
        if self._durable:
            replies = self._flushed(replies)
        yield from replies

    def _keep(self, mail: Outgoing) -> Reply:
        digest = hashlib.sha256(mail.recipient.encode("utf-8", "replace") + b"\0" + mail.data)
        name = f"{mail.ref}.{digest.hexdigest()[:32]}.nurture"
        waiting = self._folder / "tmp" / name
        try:
            with waiting.open("wb") as file:
                # Unix mail programs expect the lines of a Maildir to end in LF.
                file.write(mail.data.replace(b"\r\n", b"\n"))
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            waiting.rename(self._folder / "new" / name)
        except OSError as failure:
            return Reply(mail.ref, "channel", 0, _failed(failure), "data")
        return Reply(mail.ref, "sent", 250, "kept in the mail folder", "dot")

    def _flushed(self, replies: list[Reply]) -> list[Reply]:
        try:
            handle = os.open(self._folder / "new", os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as failure:
            text = _failed(failure)
            return [
                Reply(reply.ref, "unknown", 0, text, "dot") if reply.verdict == "sent" else reply
                for reply in replies
            ]
        return replies


def _failed(failure: OSError) -> str:
    return f"The mail folder cannot be written: {failure.strerror or 'no reason given'}."
