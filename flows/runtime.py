"""What flows work with: set by whoever starts them (`app`), read by every flow and pass."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from handoff.crm.port import Crm
from handoff.telling.notice_press import NoticePress
from handoff.telling.notifier import Notifier
from nurture.delivery.carriers.transport import Transport
from nurture.delivery.mails.press import Press
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.webhooks.port import Caller


@dataclass
class Runtime:
    """An open workspace.

    `definitions()` is the applied state of now (cached by version); `clock` reads the time
    (wall or virtual); `owner` names this process in leases, `alive` tells whether another
    owner's process still runs; `shadow()` is the runtime of the copy in which versions run in
    shadow, None while none does; `keys` sign links, the newest last; `press` and `notices` write
    mail to leads and to sales, `caller` tells other systems, `notifier` channels; `crm` is the CRM
    of what is applied, None where none is to be reached, `crm_keys` sign what it sends; `stop` is
    set when the process is to end: the mail in hand is finished, nothing new is begun; `longest`
    is how long a tick goes on beginning rounds, for what comes meanwhile waits for the next one:
    None where that may be long after, a tick then goes on until nothing is due.
    """

    ledger: Ledger
    definitions: Callable[[], Definitions]
    transport: Transport
    connections: int
    keys: tuple[bytes, ...]
    clock: Callable[[], datetime]
    owner: str
    press: Callable[[Definitions], Press]
    notices: Callable[[Definitions, datetime], NoticePress]
    caller: Caller
    notifier: Notifier
    crm: Callable[[Definitions], Crm | None] = lambda definitions: None
    crm_keys: tuple[bytes, ...] = ()
    alive: Callable[[str], bool] = lambda owner: True
    stop: Event = field(default_factory=Event)
    longest: timedelta | None = None
    shadow: Callable[[], Runtime | None] = lambda: None


RUNTIME: ContextVar[Runtime] = ContextVar("runtime")
