"""A clock for what only seems to happen: the demo's month, the stories of `nurture test`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class VirtualClock:
    """A clock that stands until somebody sets it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now
