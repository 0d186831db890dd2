"""Entry by date: the instants at which leads enter, by what stands in a field of theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Program
from nurture.language.grammar.terms import DateEntry
from nurture.language.sql.values import Text, day_of
from nurture.ledger import tables as t
from nurture.ledger.localtime import DAY, MINUTE, wall_instant
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.types import Duration
from nurture.sequences.entering import by_no_event
from nurture.sequences.openings import program_zone

LEAD = table_of(t.Lead).c


def entry_instant(definitions: Definitions, program: Program, date: DateEntry) -> Any:
    """When the lead enters; NULL when it has no such date."""
    day = day_of(Text.at(LEAD.attributes, date.field)) + date.days
    clock = (date.minute or 0) * MINUTE
    return wall_instant(day * DAY + clock, program_zone(definitions, program))


def later_instant(definitions: Definitions, program: Program) -> ColumnElement[Any] | None:
    """The instant if it is still ahead, None when the program has no entry by date."""
    date = program.entry.date
    if date is None:
        return None
    instant = entry_instant(definitions, program, date)
    return case((instant > NOW, instant))


def by_date(definitions: Definitions, program: Program, date: DateEntry) -> Select[Any]:
    """(lead, key, when, event) of leads whose instant has come, not longer ago than
    `entry.within`."""
    instant = entry_instant(definitions, program, date)
    key = func.substr(Text.at(LEAD.attributes, date.field), 1, 10)
    return select(*by_no_event(LEAD.id, key)).where(
        instant <= NOW, instant >= NOW - literal(program.entry.within, Duration())
    )
