"""What calendars refuse.

    InputRefused
    ├── InstantRefused     an instant without a zone, or beyond the years calendars cover
    ├── ZoneUnknown        not the name of a time zone
    ├── HoursInvalid       days or opening hours that cannot be read
    ├── HolidaysUnknown    a country or subdivision whose public holidays nobody listed
    └── NeverOpens         work that no opening will ever take up

Each text says what was found, what is allowed, and the nearest valid names.
"""

from __future__ import annotations

from nurture.ledger.errors import InputRefused


class InstantRefused(InputRefused):
    """This instant cannot be used for business time."""


class ZoneUnknown(InputRefused):
    """There is no time zone of that name."""


class HoursInvalid(InputRefused):
    """These opening hours cannot be read."""


class HolidaysUnknown(InputRefused):
    """The public holidays of this place are not known."""


class NeverOpens(InputRefused):
    """These opening hours never take up the work."""
