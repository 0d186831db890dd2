"""A transport that takes every mail, sends none, and remembers which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nurture.delivery.carriers.transport import Outgoing, Reply
from nurture.delivery.rehearsal import AcceptingTransport


class Taking(AcceptingTransport):
    """Accepts every mail and notes its number until somebody asks."""

    def __init__(self) -> None:
        self._taken: list[int] = []

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply]:
        """Everything is accepted."""
        self._taken += [mail.ref for mail in window]
        return super().send(window)

    def take(self) -> list[int]:
        """The messages accepted since this was asked last."""
        taken, self._taken = self._taken, []
        return taken
