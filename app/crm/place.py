"""How far a CRM was looked at: what a cursor says, and where the next look begins.

Records are looked at in the order of their last change.  A look begins `AGAIN_FROM` before the
newest change that was seen, because a CRM shows some changes late (HubSpot's index takes moments, a
transaction of Salesforce is seen when it ends); what is said twice has the same identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

AGAIN_FROM = timedelta(minutes=5)
_CURSOR = re.compile(r"(\d{1,15})(?: (\d{1,15})(?: ([A-Za-z0-9]{1,18}))?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class NoCursor(Exception):
    """A text that no look left behind."""


@dataclass(frozen=True)
class Place:
    """Milliseconds since 1970: `mark` of the newest change seen, `at` of the one the look came to.

    `at` None: a look begins.  `last` is the record it came to, '' before the first of them.
    """

    mark: int
    at: int | None = None
    last: str = ""

    @classmethod
    def read(cls, cursor: str) -> Place:
        """The place a cursor names; NoCursor when it names none."""
        found = _CURSOR.fullmatch(cursor)
        if found is None:
            raise NoCursor(cursor)
        mark, at, last = found.groups()
        return cls(int(mark), None if at is None else int(at), last or "")

    @property
    def cursor(self) -> str:
        """This place as a text."""
        at = "" if self.at is None else f" {self.at}"
        return f"{self.mark}{at}{f' {self.last}' if at and self.last else ''}"

    @property
    def since(self) -> int:
        """What changed then or later is asked for."""
        return max(0, self.mark - AGAIN_FROM // _MS) if self.at is None else self.at

    def on(self, at: int, last: str) -> Place:
        """The place after these records, the look going on."""
        return Place(max(self.mark, at), at, last)

    def over(self, newest: int, *, clock: int) -> Place:
        """The place after the look.  A change from beyond the CRM's own clock is no mark: what
        happens until then would be passed over."""
        return Place(min(max(self.mark, newest), max(clock, 0)))

    def begun(self, clock: int) -> Place:
        """The first look's place, where the CRM's clock is behind ours."""
        return replace(self, mark=min(self.mark, clock))


def milliseconds(at: datetime) -> int:
    """Since 1970, as both CRMs count."""
    return (at - _EPOCH) // _MS


def instant(ms: int) -> datetime:
    """The other way; the last there is for what lies beyond."""
    try:
        return _EPOCH + ms * _MS
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def read_instant(text: object) -> int | None:
    """Milliseconds of a time as CRMs write it (`2026-03-02T08:00:00.000Z`, `…+0000`)."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0, milliseconds(at if at.tzinfo else at.replace(tzinfo=UTC)))
