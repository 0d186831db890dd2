"""Which routing rule holds for a lead: thousands of rules are matched in one statement.

What most rules of a large routing ask are texts: a country, an industry, the first digits of a
postal code.  These become rows that are joined to the leads; what else such a rule asks is looked
at only for the leads its texts fit, and only rules that ask for no text are tried one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    case,
    func,
    literal,
    select,
    true,
    union_all,
)

from handoff.rowset import Columns, rowset
from handoff.tables import LEAD
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.teams import Route
from nurture.language.grammar.conditions import AllOf, AnyOf, Condition, FieldTest
from nurture.language.grammar.logic import conjuncts
from nurture.language.sql.predicates import predicate
from nurture.language.sql.values import Folded, Text, fold
from nurture.ledger.statements.asking import Moment

KEYS = 3
"""So many texts of a rule are joined by at most; more would rarely tell leads apart."""
MOST = 1_000
"""The most rows one way to meet a rule is spread over: (country × industry …)."""


class Key(NamedTuple):
    """A text of a lead: a field, or of it the first `letters`."""

    field: str
    attribute: bool
    letters: int | None


@dataclass(frozen=True)
class Way:
    """One way to meet a rule: each key is any of its texts, and the rest holds as well."""

    rule: int
    keys: tuple[Key, ...]
    texts: tuple[tuple[str, ...], ...]
    rest: tuple[Condition, ...]


def first_rule(
    routing: Iterable[Route], definitions: Definitions, source: FromClause, *, now: Moment
) -> Select[Any]:
    """(id, rule): for each row of `source` (`id`, `lead_id`) the number of the first rule whose
    `when` holds for the lead at `now`, NULL where none does."""
    found = [
        way
        for number, route in enumerate(routing, start=1)
        if route.when is not None
        for way in _ways(number, route.when)
    ]
    shapes: dict[tuple[Key, ...], list[Way]] = {}
    for way in found:
        shapes.setdefault(way.keys, []).append(way)
    plain = shapes.pop((), [])
    fits = union_all(
        _tried(plain, definitions, source, now=now),
        *(
            _joined(f"territory_{n}", ways, definitions, source, now=now)
            for n, ways in enumerate(shapes.values())
        ),
    ).cte("fits")
    return select(fits.c.id, func.min(fits.c.rule).label("rule")).group_by(fits.c.id)


def _tried(
    ways: list[Way], definitions: Definitions, source: FromClause, *, now: Moment
) -> Select[Any]:
    """Every row, with the first of the rules that ask for no text to join by."""
    holds = [(_holds(way.rest, definitions, now), literal(way.rule)) for way in ways]
    rule = case(*holds) if holds else literal(None, Integer())
    lead = source.join(LEAD, LEAD.c.id == source.c.lead_id)
    return select(source.c.id, rule.label("rule")).select_from(lead)


def _joined(
    name: str, ways: list[Way], definitions: Definitions, source: FromClause, *, now: Moment
) -> Select[Any]:
    """Every row with each rule of one shape that holds for it."""
    keys = ways[0].keys
    texts_of = {f"key_{n}": String() for n, _ in enumerate(keys)}
    columns: Columns = {"rule": Integer(), "rest": Integer(), **texts_of}
    rests: dict[tuple[Condition, ...], int] = {}
    rows = [
        (way.rule, rests.setdefault(way.rest, len(rests)), *texts)
        for way in ways
        for texts in product(*way.texts)
    ]
    territory = rowset(name, columns, rows)
    fits = (territory.c[f"key_{n}"] == _read(key) for n, key in enumerate(keys))
    found = (
        select(source.c.id, territory.c.rule)
        .select_from(source.join(LEAD, LEAD.c.id == source.c.lead_id))
        .join(territory, and_(*fits))
    )
    holds = {number: _holds(rest, definitions, now) for rest, number in rests.items() if rest}
    return found.where(case(holds, value=territory.c.rest, else_=true())) if holds else found


def _holds(
    parts: Iterable[Condition], definitions: Definitions, now: Moment
) -> ColumnElement[bool]:
    return predicate(AllOf(tuple(parts)), lead=LEAD.c, definitions=definitions, now=now)


def _read(key: Key) -> ColumnElement[str]:
    text = Text.at(LEAD.c.attributes, key.field) if key.attribute else LEAD.c[key.field]
    return Folded(text) if key.letters is None else func.substr(Folded(text), 1, key.letters)


def _ways(rule: int, when: Condition) -> Iterator[Way]:
    """The ways to meet a condition; of `any` beside nothing to join by each part is one."""
    parts = list(conjuncts(when))
    keyed = [part for part in parts if _is_keyed(part)]
    either = next((part for part in parts if isinstance(part, AnyOf)), None)
    if not keyed and either is not None:
        others = tuple(part for part in parts if part is not either)
        for part in either.parts:
            yield from _ways(rule, AllOf((part, *others)))
        return
    joined: list[tuple[Condition, list[tuple[Key, tuple[str, ...]]]]] = []
    for part in keyed:
        ways = list(_keys(part))
        spread = prod(sum(len(texts) for _, texts in each) for _, each in [*joined, (part, ways)])
        if len(joined) < KEYS and (spread <= MOST or not joined):
            joined.append((part, ways))
    taken = [part for part, _ in joined]
    rest = tuple(part for part in parts if part not in taken)
    for chosen in product(*(ways for _, ways in joined)):
        ordered = sorted(chosen, key=lambda each: (each[0].field, each[0].letters or 0))
        yield Way(rule, tuple(key for key, _ in ordered), tuple(t for _, t in ordered), rest)


def _is_keyed(part: Condition) -> bool:
    return (
        isinstance(part, FieldTest)
        and part.type == "text"
        and part.test.operator in ("is", "starts_with")
    )


def _keys(part: Condition) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """The texts a field may be, or begin with: by length, so that each is compared for equality.

    An empty text is none, as in conditions everywhere.
    """
    assert isinstance(part, FieldTest)
    texts = dict.fromkeys(fold(each) for each in part.test.values if isinstance(each, str))
    if part.test.operator == "is":
        yield Key(part.name, part.attribute, None), tuple(each for each in texts if each)
        return
    for letters in sorted({len(each) for each in texts} - {0}):
        begun = tuple(each for each in texts if len(each) == letters)
        yield Key(part.name, part.attribute, letters), begun
