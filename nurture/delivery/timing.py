"""Is now the time for this mail?  Asked beside `permission`, of the same rows: late policies,
windows and quiet hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from nurture.delivery.permission import ENROLMENT, LEAD, MESSAGE, M
from nurture.language.compiled import spreading
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Send
from nurture.ledger.openings import (
    Hours,
    first_open,
    is_open,
)
from nurture.ledger.types import Instant

UNKNOWN = timedelta(minutes=15)
"""When to ask again where openings are not known: the next tick reckons them."""


def in_time(at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The late policy of its sequence still lets the mail go at `at`."""
    return or_(M.expires_at.is_(None), M.expires_at > at)


def window_open(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The mail's window is open at `at` in its zone, or it has none."""
    return or_(M.hours.is_(None), is_open(at, *_window(definitions)))


def quiet(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The workspace has quiet hours, and it is them at `at` where the lead is."""
    waking = _waking(definitions)
    return not_(is_open(at, *waking[0])) if waking else false()


def next_opening(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """When a mail that cannot go before `at` goes: its window is open then, outside quiet hours,
    and its place in the spread of its sequence has come.

    Where nobody has reckoned yet when that is, a little later than `at`.
    """
    opened, place = _opening(definitions, at), _place(definitions)
    return opened if place is None else _opening(definitions, opened + place)


def _place(definitions: Definitions) -> ColumnElement[Any] | None:
    """The mail's place in the spread of its sequence, None when no sequence spreads its mails."""
    found = [
        (and_(ENROLMENT.definition_id == number, M.step == step.key), place)
        for number, program in definitions.programs.items()
        for step in program.steps
        if isinstance(step, Send)
        and (place := spreading.place(program, step, M.lead_id)) is not None
    ]
    if not found:
        return None
    own = select(case(*found, else_=0)).where(ENROLMENT.id == M.enrolment_id)
    return func.coalesce(own.correlate(MESSAGE).scalar_subquery(), 0)


def _opening(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """The first instant from `at` on at which the mail's window is open outside quiet hours."""
    waking = _waking(definitions)
    anytime = func.coalesce(first_open(at, *waking), at + UNKNOWN) if waking else at
    opened = func.coalesce(first_open(at, _window(definitions), *waking), at + UNKNOWN)
    return type_coerce(case((M.hours.is_(None), anytime), else_=opened), Instant)


def never_opens(definitions: Definitions, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """Quiet hours where the lead is cover the mail's window, which is in another zone.

    Not while nobody has reckoned yet when either is open there.
    """
    window, waking = _window(definitions), _waking(definitions)
    if not waking:
        return false()
    return and_(
        M.hours.is_not(None),
        first_open(at, window, *waking).is_(None),
        first_open(at, window).is_not(None),
        first_open(at, *waking).is_not(None),
    )


def _window(definitions: Definitions) -> Hours:
    """The mail's own window, in the zone its sequence goes by."""
    named = func.nullif(func.nullif(M.zone, "lead"), "")
    return M.hours, func.coalesce(named, own_zone(definitions))


def _waking(definitions: Definitions) -> list[Hours]:
    """What quiet hours leave of the lead's own days, if the workspace has such."""
    key = definitions.waking
    return [(key, own_zone(definitions))] if key is not None else []


def own_zone(definitions: Definitions) -> ColumnElement[Any]:
    """The zone of the lead itself, else the workspace's."""
    own = select(LEAD.timezone).where(LEAD.id == M.lead_id).correlate(MESSAGE).scalar_subquery()
    return func.coalesce(own, definitions.workspace.zone)
