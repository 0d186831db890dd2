"""A runtime around the one-mail sequence, for measuring ticks without a workspace's files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NoReturn

from flows.runtime import Runtime
from handoff.telling.notifier import AcceptingNotifier
from nurture.delivery.carriers.transport import Connection
from nurture.delivery.mails.press import Press
from nurture.delivery.waiting import link_keeper
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.webhooks.rehearsal import AnsweringCaller

KEYS = (b"k" * 32,)


class Nowhere:
    """A transport nothing may be sent through."""

    def open(self) -> AbstractContextManager[Connection]:
        """Refuses."""
        raise AssertionError("nothing was to be sent")


def runtime(ledger: Ledger, rules: Definitions, clock: Callable[[], datetime]) -> Runtime:
    """Passes run, mail does not."""

    def no_notices(definitions: Definitions, now: datetime) -> NoReturn:
        raise AssertionError("no notice was to be written")

    press = Press(rules, KEYS, link_keeper(ledger))
    return Runtime(
        ledger=ledger,
        definitions=lambda: rules,
        transport=Nowhere(),
        connections=1,
        keys=KEYS,
        clock=clock,
        owner="bench",
        press=lambda definitions: press,
        notices=no_notices,
        caller=AnsweringCaller(),
        notifier=AcceptingNotifier(),
    )
