"""What an org's description of an object says is missing for us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.crm import values


def missing(
    name: str, told: Mapping[str, Any] | None, wanted: Iterable[str], *, external: str,
    lookup: str = "", stage: str = "",
) -> Iterator[str]:  # fmt: skip
    """What is missing of an object, as words; `told` None where it may not be seen at all."""
    if told is None:
        yield f"the object {name} (the Run As user may not see it)"
        return
    for right, word in (("createable", "create"), ("updateable", "edit")):
        if told.get(right) is not True:
            yield f"the permission to {word} {name}"
    fields = {values.word(field.get("name")): field for field in values.rows(told.get("fields"))}
    for field in dict.fromkeys(filter(None, wanted)):
        if field not in fields:
            yield f"the field {name}.{field}, or the Run As user's sight of it"
        elif fields[field].get("updateable") is not True:
            yield f"the permission to edit {name}.{field}"
    if external in fields and not fields[external].get("externalId"):
        yield f"External ID of {name}.{external}"
    if external in fields and not fields[external].get("unique"):
        yield f"Unique of {name}.{external}"
    if lookup in fields and "Lead" not in values.words(fields[lookup].get("referenceTo")):
        yield f"the lookup {name}.{lookup} to Lead (it leads elsewhere)"
    yield from _stage(name, fields.get("StageName"), stage)


def _stage(name: str, field: Mapping[str, Any] | None, stage: str) -> Iterator[str]:
    if not stage or field is None:
        return
    rows = values.rows(field.get("picklistValues"))
    stages = [str(row.get("value")) for row in rows if row.get("active", True)]
    if stage not in stages:
        yield f"the stage {stage} of {name} (it has {', '.join(stages[:20])})"
