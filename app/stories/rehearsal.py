"""A workspace's files applied in memory, and a runtime over them on a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.changes.applying import apply_workspace
from app.telling.notice_forms import NoticePresses
from app.virtual_clock import VirtualClock
from flows.runtime import Runtime
from handoff.telling import digest
from handoff.telling.notifier import AcceptingNotifier
from nurture.calendar.zones import LATEST
from nurture.delivery.mails.press import Press
from nurture.delivery.rehearsal import AcceptingTransport
from nurture.language.applied.loading import load_definitions
from nurture.language.text.problems import DefinitionInvalid
from nurture.ledger import upkeep
from nurture.ledger.copies.memory import Image, open_memory, take_image
from nurture.ledger.engine import Ledger
from nurture.webhooks.rehearsal import AnsweringCaller

BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
"""When the files count as applied: before every story."""
AFTER = LATEST - timedelta(days=1)
"""When housekeeping and the managers' digests are due: after every story, which needs none."""
KEYS = (b"no link of a rehearsal leaves it" * 2,)


@dataclass
class Rehearsal:
    """A workspace in a ledger of its own, in which each story begins anew."""

    runtime: Runtime
    clock: VirtualClock
    caller: AnsweringCaller
    image: Image | None = None

    def begin(self, at: datetime) -> None:
        """It is `at`, and nobody has ever been here: what happened before is forgotten."""
        self.clock.now = at
        if self.image is not None:
            self.image.put_back()


@contextmanager
def open_rehearsal(folder: Path) -> Iterator[Rehearsal]:
    """The workspace's files as they stand, in force in memory for as long as the block lasts.

    Nothing is written anywhere and no mail goes out.  Raises DefinitionInvalid with every error.
    """
    with open_memory() as ledger:
        rehearsal = rehearse(ledger, folder)
        rehearsal.image = take_image(ledger)
        try:
            yield rehearsal
        finally:
            rehearsal.image.close()


def rehearse(ledger: Ledger, folder: Path) -> Rehearsal:
    """Apply the workspace's files to an empty ledger: good for one story, if there is no image.

    Raises DefinitionInvalid.
    """
    applied = apply_workspace(ledger, folder, now=BEFORE, shadows=False)
    if applied.errors:
        raise DefinitionInvalid(applied.errors)
    with ledger.begin() as session:
        definitions = load_definitions(session)
        upkeep.postpone(session, until=AFTER)
        digest.postpone(session, until=AFTER)
    clock = VirtualClock(BEFORE)
    links: dict[str, int] = {}
    press = Press(definitions, KEYS, lambda url: links.setdefault(url, len(links) + 1))
    runtime = Runtime(
        ledger=ledger,
        definitions=lambda: definitions,
        transport=AcceptingTransport(),
        connections=1,
        keys=KEYS,
        clock=clock,
        owner="rehearsal",
        press=lambda _: press,
        notices=NoticePresses(KEYS),
        caller=(caller := AnsweringCaller()),
        notifier=AcceptingNotifier(),
    )
    return Rehearsal(runtime, clock, caller)
