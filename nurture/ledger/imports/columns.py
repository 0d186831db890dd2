"""Which column goes where: by `--map`, by its own name, or into an attribute of that name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nurture.ledger.errors import InputRefused

Take = Callable[[Sequence[str]], str]
"""From a row's cells to the text of one field."""
MOST_LISTED = 20
_HOLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Columns:
    """How to read a row: each standard field's text, each attribute's text."""

    header: tuple[str, ...]
    fields: Mapping[str, Take]
    attributes: Mapping[str, Take]


def assign(header: Sequence[str], mapping: Mapping[str, str], standard: Sequence[str]) -> Columns:
    """Decide for every column; raises InputRefused for a header that cannot be told apart."""
    names = _named(header)
    places = {name: place for place, name in enumerate(names)}
    plain: dict[str, int] = {}
    templates: dict[str, str] = {}
    for field, column in mapping.items():
        if _HOLE.search(column):
            templates[field] = column
        else:
            plain[field] = places[_column(column, names)]
    used = set(plain.values())
    by_squeezed = {_squeeze(field): field for field in standard}
    attributes: dict[str, int] = {}
    for name, place in places.items():
        field = by_squeezed.get(_squeeze(name), "")
        if place in used or field in templates:
            continue
        if not field or field in mapping:
            attributes[name] = place
        elif field in plain:
            raise InputRefused(
                f"Two columns mean {field}: {names[plain[field]]!r} and {name!r}. "
                f"Say which: --map {field}=COLUMN"
            )
        else:
            plain[field] = place
    takes: dict[str, Take] = {field: _cell(place) for field, place in plain.items()}
    for field, template in templates.items():
        takes[field] = _template(template, names, plain)
    return Columns(
        names,
        {field: take for field, take in takes.items() if field in standard},
        {name: _cell(place) for name, place in attributes.items()}
        | {field: take for field, take in takes.items() if field not in standard},
    )


def _named(header: Sequence[str]) -> tuple[str, ...]:
    """The columns' names; one without is `column <number>`, two alike are refused."""
    names = [cell.strip() or f"column {place}" for place, cell in enumerate(header, start=1)]
    seen: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if "\0" in name:
            raise InputRefused(f"The header's column {place} holds a NUL character")
        if name.casefold() in seen:
            raise InputRefused(
                f"The header names {name!r} twice (columns {seen[name.casefold()]} and {place}): "
                "give each column a name of its own"
            )
        seen[name.casefold()] = place
    return tuple(names)


def _squeeze(name: str) -> str:
    return name.casefold().replace(" ", "").replace("_", "")


def _column(wanted: str, names: Sequence[str]) -> str:
    """The header's name for a column somebody asked for."""
    if wanted in names:
        return wanted
    alike = [name for name in names if _squeeze(name) == _squeeze(wanted)]
    if len(alike) == 1:
        return alike[0]
    near = difflib.get_close_matches(wanted, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputRefused(
        f"The file has no column {wanted!r}.{hint} Its columns are: {listed(names)}"
    )


def listed(names: Sequence[str]) -> str:
    """The first columns of a header, and how many more there are."""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _cell(place: int) -> Take:
    return lambda cells: cells[place]


def _template(template: str, names: Sequence[str], plain: Mapping[str, int]) -> Take:
    """`{column}` stands for a cell; `{id}` for the external id unless a column has that name.

    Empty as a whole when one of its cells is empty: half an address is none.
    """
    pieces = _HOLE.split(template)
    places: list[int] = []
    for hole in pieces[1::2]:
        if _squeeze(hole) == "id" and "external_id" in plain and hole not in names:
            places.append(plain["external_id"])
        else:
            places.append(names.index(_column(hole, names)))
    texts = pieces[0::2]

    def fill(cells: Sequence[str]) -> str:
        values = [cells[place].strip() for place in places]
        if not all(values):
            return ""
        return texts[0] + "".join(v + t for v, t in zip(values, texts[1:], strict=True))

    return fill
