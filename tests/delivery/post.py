"""A transport that answers as it is told, and remembers what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nurture.delivery.carriers.transport import Outgoing, Reply


class Post:
    """A transport that takes everything and remembers it."""

    def __init__(self, verdict: str = "sent") -> None:
        self.mails: list[Outgoing] = []
        self.verdict = verdict

    @contextmanager
    def open(self) -> Iterator[Post]:
        yield self

    def send(self, window: list[Outgoing]) -> Iterator[Reply]:
        for mail in window:
            self.mails.append(mail)
            yield Reply(mail.ref, self.verdict, 250, "ok", "dot")  # type: ignore[arg-type]

    @property
    def recipients(self) -> list[str]:
        return sorted(mail.recipient.split("@")[0] for mail in self.mails)
