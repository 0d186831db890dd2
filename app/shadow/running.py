"""The runtime of the copy: the same passes, its own definitions, and no way out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from threading import Lock

from app.changes.applied import Applied
from app.shadow.beginning import begun, marked
from app.telling.notice_forms import NoticePresses
from flows.runtime import Runtime
from handoff.telling.notifier import AcceptingNotifier
from nurture.delivery.mails.press import Press
from nurture.delivery.rehearsal import AcceptingTransport, SparingPress
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.copies.beside import Beside
from nurture.ledger.engine import Ledger
from nurture.webhooks.rehearsal import AnsweringCaller

log = logging.getLogger(__name__)
KEYS = (b"no link of a shadow leaves it" * 2,)
"""What signs the links of mails nobody gets."""
CONNECTIONS = 25
"""So many mails times twenty are one transaction; the transport costs nothing."""


@dataclass
class Shadow:
    """Gives the runtime of the copy beside a `live` one while versions run in shadow, else None.

    Asking costs two looks at rows.  A copy that another took the place of is opened anew.
    """

    live: Runtime
    _lock: Lock = field(default_factory=Lock)
    _identity: int | None = None
    _kept: Runtime | None = None

    def __call__(self) -> Runtime | None:
        with self._lock:
            place, wanted = Beside(self.live.ledger), marked(self.live.ledger)
            identity = place.identity() if wanted else None
            if identity != self._identity:
                self.close()
                self._identity = identity
                if identity is not None and begun(place) == wanted:
                    self._kept = _runtime(self.live, place.open())
            if wanted and self._kept is None:
                log.warning("the shadow has not begun: run nurture apply once more")
            return self._kept

    def close(self) -> None:
        """Give back the copy's connections."""
        if self._kept is not None:
            self._kept.ledger.close()
        self._identity = self._kept = None


def _runtime(live: Runtime, copy: Ledger) -> Runtime:
    def press(definitions: Definitions) -> Press:
        links: dict[str, int] = {}
        return SparingPress(definitions, KEYS, lambda url: links.setdefault(url, len(links) + 1))

    return replace(
        live,
        ledger=copy,
        definitions=Applied(copy),
        transport=AcceptingTransport(),
        connections=CONNECTIONS,
        keys=KEYS,
        press=press,
        notices=NoticePresses(KEYS),
        caller=AnsweringCaller(),
        notifier=AcceptingNotifier(),
        crm=lambda definitions: None,
        shadow=lambda: None,
    )
