"""The definitions in force, as rows say."""

from __future__ import annotations

import threading

from app.reading import looking
from nurture.language.applied.loading import in_force, load_definitions
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NotFound


class Applied:
    """The applied definitions, read again when others are in force or still needed.

    Asking costs one look at a handful of rows.  Raises NotFound when nothing was applied yet.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._kept: Definitions | None = None
        self._active: frozenset[int] = frozenset()
        self._loaded: frozenset[int] = frozenset()

    def __call__(self) -> Definitions:
        with self._lock, looking(self._ledger) as session:
            active, needed = in_force(session)
            if not active:
                raise NotFound("Nothing has been applied in this workspace yet. Run: nurture apply")
            if self._kept is None or active != self._active or not needed <= self._loaded:
                self._kept = load_definitions(session)
                self._active, self._loaded = active, needed
            return self._kept
