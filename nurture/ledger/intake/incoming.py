"""What an engagement looks like when it comes in, and what is said when it does not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from nurture.ledger.errors import AddressRefused
from nurture.ledger.intake.many_addresses import address_of_many

DEPTH = 5
SIZE = 16_384
"""Properties of one engagement: how deep they nest, and how many bytes they are as JSON."""
INTEGER = 2**63
EXTERNAL = "id:"
OWN = "nurture"
"""The source of what our own mail, pages and calls saw; nobody else may use it."""
CALLS = "webhook:"
"""What the keys of our calls' answers begin with."""


class Refusal(NamedTuple):
    """Why the engagement at `position` was not taken, and what would be."""

    position: int
    field: str
    problem: str
    allowed: str


PRINTABLE = r"^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]*[^\p{C}\p{Z}])?$"


def _lead(text: str) -> str:
    """`id:<external id>` as it stands, or the address as we write to it."""
    if text.startswith(EXTERNAL):
        if not text[len(EXTERNAL) :].strip():
            raise ValueError("names no external id after id:")
        return text
    try:
        return address_of_many(text).text
    except AddressRefused as refusal:
        raise ValueError(str(refusal)) from None


def _bounded(properties: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no database keeps: too deep, too large, NUL, half characters, NaN."""
    if not _plain(properties) and _walk(properties, 1) > SIZE:
        size = len(json.dumps(properties))
        if size > SIZE:
            raise ValueError(f"are {size} bytes long as JSON, {SIZE} is the most")
    return properties


def _plain(properties: dict[str, Any]) -> bool:
    """Whether these are what most are: a few short ASCII texts, switches and whole numbers.

    Then they fit; the walk through every value is for the others.
    """
    texts = [*properties]
    for value in properties.values():
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is int:
            if not -INTEGER <= value < INTEGER:
                return False
        elif kind is not bool and value is not None:
            return False
    said = "".join(texts)
    return said.isascii() and "\0" not in said and 12 * len(said) + 40 * len(texts) < SIZE


def _walk(value: Any, depth: int) -> int:
    """Check a value and what is in it; returns a size its JSON does not exceed."""
    if isinstance(value, str):
        return _storable(value)
    if value is None or isinstance(value, bool):
        return 6
    if isinstance(value, (int, float)):
        if not -INTEGER <= value < INTEGER:  # NaN and the infinities too
            raise ValueError("hold a number beyond 64 bits, or none (NaN, infinity)")
        return 26
    if depth > DEPTH:
        raise ValueError(f"nest deeper than {DEPTH} levels")
    if isinstance(value, dict):
        inside = [_storable(name) + _walk(item, depth + 1) for name, item in value.items()]
    elif isinstance(value, list):
        inside = [_walk(item, depth + 1) for item in value]
    else:
        raise ValueError(f"hold a {type(value).__name__}, which JSON does not know")
    return sum(inside) + 4 * len(inside) + 2


def _storable(text: str) -> int:
    if "\0" in text:
        raise ValueError("hold a NUL character")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("hold half a character (a lone surrogate)")
    return 12 * len(text) + 2


Words = Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]


class EngagementIn(BaseModel):
    """One engagement as a source tells it; (`source`, `key`) says which one it is.

    `lead` is an address or `id:<external id>`; `occurred_at` an instant with its zone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Words
    key: Annotated[str, Field(min_length=1, max_length=300, pattern=PRINTABLE)]
    kind: Words
    lead: Annotated[
        str, Field(min_length=1, max_length=300, pattern=PRINTABLE), AfterValidator(_lead)
    ]
    occurred_at: AwareDatetime
    properties: Annotated[dict[str, Any], AfterValidator(_bounded)] = {}

    @property
    def identity(self) -> str:
        """What the lead is looked up by: its address's key, or `id:<external id>`."""
        return self.lead if self.lead.startswith(EXTERNAL) else self.lead.casefold()


class OwnEngagement(EngagementIn):
    """What our own mail and pages saw: of a lead and a message whose numbers we know.

    Never read from outside: the numbers are believed.
    """

    lead: str = ""
    lead_id: int
    message_id: int | None = None


ALLOWED = {
    "source": "the name of the system it comes from, 1 to 100 characters",
    "key": "the engagement's own key in that system, 1 to 300 characters",
    "kind": "what happened, such as form_submitted, 1 to 100 characters",
    "lead": "an address, or id: and an external id",
    "occurred_at": 'an instant with its zone, such as "2026-03-02T09:00:00+01:00"',
    "properties": f"an object of at most {SIZE} bytes and {DEPTH} levels",
}
PROBLEMS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of an engagement",
    "timezone_aware": "has no time zone",
    "string_type": "is not a text",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "holds an invisible character, or a space at one of its ends",
    "dict_type": "is not an object",
    "model_type": "is not an object",
}
_LIST = TypeAdapter(list[EngagementIn])
_ONE = TypeAdapter(EngagementIn)


def read_engagements(
    raw: Sequence[Any],
) -> tuple[list[tuple[int, EngagementIn]], list[Refusal]]:
    """Parsed JSON values → (position, engagement) of those that can be read, and why the others
    cannot: every problem of each, in order."""
    try:
        return list(enumerate(_LIST.validate_python(list(raw)))), []
    except ValidationError:
        pass
    read: list[tuple[int, EngagementIn]] = []
    refused: list[Refusal] = []
    for index, value in enumerate(raw):
        try:
            read.append((index, _ONE.validate_python(value)))
        except ValidationError as error:
            refused.extend(refusals(index, error))
    return read, refused


def refusals(index: int, error: ValidationError) -> list[Refusal]:
    """A validation error in plain words, one refusal a field."""
    found = []
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        kind = problem["type"]
        if kind == "value_error":
            said = str(problem["ctx"]["error"])
        elif kind.startswith(("datetime", "date_")):
            said = "is not an instant that can be read"
        else:
            said = PROBLEMS.get(kind, problem["msg"])
        allowed = ALLOWED.get(field, "an object with " + ", ".join(ALLOWED))
        found.append(Refusal(index, field, said, allowed))
    return found
