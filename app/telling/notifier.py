"""The one way to tell people through channels: mail, what Apprise speaks, and signed calls.

Each channel has a lane of its own, so that one that hangs holds up no other; what does not answer
in time counts as not told.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from app.settings import Settings
from app.telling import apprise_channel
from app.telling.office_mail import send_mail
from handoff.telling.notifier import WITHIN, Telling, answered
from nurture.delivery.carriers.transport import Transport
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import EMAIL, ChannelModel
from nurture.webhooks.port import Answer, Call, Caller

TIMEOUT = 15.0
"""Seconds a channel may take."""
OF_MAIL = WITHIN.total_seconds() - 10
WORKERS = 3
"""Threads of one channel: as many may hang before it is given up till one comes back."""


@dataclass
class ChannelNotifier:
    """Tells through the channels of what is applied, with the addresses of the environment."""

    settings: Settings
    definitions: Callable[[], Definitions]
    transport: Transport
    caller: Caller
    timeout: float = TIMEOUT
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, telling: Telling) -> Future[Answer]:
        """Begin to tell; no answer holds an address."""
        if telling.channel == EMAIL:
            work = partial(send_mail, self.transport, self.definitions(), telling)
            return self._lane(EMAIL).run(work, OF_MAIL)
        model = self.definitions().workspace.channels.get(telling.channel)
        if model is None:
            return answered("failed", "nurture.yaml names no such channel any more")
        if model.webhook is not None:
            return self._call(model.webhook, telling)
        address, why = address_of(model, self.settings)
        if why:
            return answered("failed", why)
        send = partial(apprise_channel.send, address, telling.title, telling.text)
        return self._lane(telling.channel).run(send, self.timeout)

    def _call(self, url: str, telling: Telling) -> Future[Answer]:
        if self.caller.trouble:
            return answered("failed", self.caller.trouble)
        body = {
            "id": telling.identity, "channel": telling.channel, "title": telling.title,
            "text": telling.text, "at": telling.at.isoformat(),
        }  # fmt: skip
        allow = self.definitions().workspace.webhooks.allow
        host = urlsplit(url).netloc.lower()
        said = json.dumps(body, ensure_ascii=False)
        return self.caller.call(
            Call(telling.identity, telling.channel, url, host, said, allow)
        )

    def _lane(self, name: str) -> Lane:
        with self._lock:
            return self._lanes.setdefault(name, Lane(name))


def address_of(model: ChannelModel, settings: Settings) -> tuple[str, str]:
    """The address of a channel `from` the environment, and why there is none ('' when there is)."""
    variable = model.from_ or ""
    kept = settings.channel.get(variable)
    address = kept.get_secret_value().strip() if kept else ""
    return address, "" if address else f"{variable} is not set"


@dataclass
class Lane:
    """The threads of one channel, which take its notices in turn; begun when needed, and daemons:
    one that hangs keeps no process from ending."""

    name: str
    _waiting: SimpleQueue[tuple[Future[Answer], Callable[[], Answer]]] = field(
        default_factory=SimpleQueue
    )
    _busy: dict[int, float] = field(default_factory=dict)
    """By number of a thread: since when it is at its work."""
    _idle: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, work: Callable[[], Answer], timeout: float) -> Future[Answer]:
        """Do the work when its turn comes; `again` if that is not done in time."""
        future: Future[Answer] = Future()
        with self._lock:
            stuck = [since for since in self._busy.values() if time.monotonic() - since > timeout]
            if len(stuck) >= WORKERS:
                return answered("again", f"{WORKERS} notices before it still hang")
            if len(self._busy) + self._idle == len(stuck):
                self._idle += 1
                threading.Thread(
                    target=self._work, name=f"channel {self.name}", daemon=True
                ).start()
            # Those before it have their time first: a slow channel is no dead one.
            ahead = self._waiting.qsize() + len(self._busy) - len(stuck)
        self._waiting.put((future, work))
        late = partial(_answer, future, Answer("again", 0, f"no answer within {timeout:g} seconds"))
        timer = threading.Timer(timeout * (1 + ahead), late)
        timer.daemon = True
        timer.start()
        future.add_done_callback(lambda _: timer.cancel())
        return future

    def _work(self) -> None:
        me = threading.get_ident()
        while True:
            future, work = self._waiting.get()
            if future.done():  # its time was over before its turn came
                continue
            with self._lock:
                self._idle -= 1
                self._busy[me] = time.monotonic()
            try:
                answer = work()
            except Exception as error:  # what a library raises may say where it leads
                answer = Answer("again", 0, f"it broke off: {type(error).__name__}")
            with self._lock:
                self._idle += 1
                del self._busy[me]
            _answer(future, answer)


def _answer(future: Future[Any], answer: Answer) -> None:
    try:
        future.set_result(answer)
    except InvalidStateError:  # the other was first
        return
