"""A transport that takes every mail and sends none: for rehearsals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nurture.delivery.transport import Outgoing, Reply


class AcceptingTransport:
    """Answers for every mail as a mail server that takes it; the rows say what was sent."""

    @contextmanager
    def open(self) -> Iterator[AcceptingTransport]:
        """The one connection there is."""
        yield self

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply]:
        """Everything is accepted."""
        for mail in window:
            yield Reply(mail.ref, "sent", 250, "accepted in a rehearsal", "dot")
