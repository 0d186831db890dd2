"""The port to whatever carries mail away: a transport opens connections, those send windows.

A transport never raises for what happens to one mail; it answers for each with a verdict.  Only
`open` raises, `ChannelFailed`, when there is no way to send at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from nurture.ledger.errors import NurtureError

Verdict = Literal["sent", "deferred", "rejected", "unknown", "channel"]
"""What became of one mail:

- `sent`      accepted: the server answered 2xx to the final dot
- `deferred`  certainly not accepted, worth another try
- `rejected`  refused for good, this mail or its recipient (see `Reply.phase`)
- `unknown`   the final dot may have reached the server, its answer did not reach us
- `channel`   certainly not accepted, and the trouble is with the channel, not with the lead: a code
              of 4xx (421) asks to slow down, 5xx to stop until somebody looked
"""

Phase = Literal["connect", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"]
"""How far the mail came when its verdict fell. Only a `rejected` in `rcpt` speaks against the
address; one in `mail`, `data` or `dot` speaks against this mail. A `deferred` in `connect` speaks
of nothing: another mail broke the connection before this one's turn."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to one recipient, composed: `data` ends its lines in CRLF and is not dot-stuffed."""

    ref: int
    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of the mail `ref`. `code` is 0 where no server spoke; `text` is fit to show."""

    ref: int
    verdict: Verdict
    code: int
    text: str
    phase: Phase


class ChannelFailed(NurtureError):
    """Nothing can be sent through this channel now; the text says in which phase and why."""

    def __init__(self, text: str, *, phase: Phase, code: int = 0) -> None:
        super().__init__(text)
        self.phase: Phase = phase
        self.code = code

    @property
    def transient(self) -> bool:
        """Whether it may pass by itself (no answer, 4xx), or somebody has to look (5xx, TLS)."""
        return self.code < 500 and self.phase not in {"starttls", "auth"}


class Waiting(NamedTuple):
    """A conversation that waits for its server: go on with it when `descriptor` is readable, or at
    `until` (of `time.monotonic`) at the latest."""

    descriptor: int
    until: float


class Connection(Protocol):
    """One way out, used by one thread."""

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply | Waiting]:
        """One reply for each mail of the window, as they fall; their order is not promised.

        Read it to its end: what is left unread has been handed over all the same.  Where the server
        would only be waited for it says `Waiting`: something else may be done meanwhile.
        """
        ...


class Transport(Protocol):
    """Opens connections; as many at once as the caller likes."""

    def open(self) -> AbstractContextManager[Connection]:
        """A connection, closed at the end of the `with`. Raises `ChannelFailed`."""
        ...
