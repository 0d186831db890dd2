"""Values on their way to a CRM and back."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.crm.place import instant
from handoff.crm.port import Change, Deal

_UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def text(value: str, longest: int = 65_536) -> str:
    """A text without what no CRM keeps (NUL, halves of letters), at most so long."""
    kept = _UNSENDABLE.sub("", value)
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def moment(at: datetime) -> str:
    """An instant as both CRMs read it: UTC, milliseconds, Z."""
    at = at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def described(deal: Deal, longest: int) -> str:
    """Why the lead came, and the way to the brief, which is kept whole."""
    link = text(deal.link, 2_000)
    reason = text(deal.reason, longest - len(link) - 1)
    return "\n".join(part for part in (reason, link) if part)


def amount(value: object) -> float | None:
    """An amount as a CRM says it, a number or its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def word(value: object) -> str:
    """A word of a CRM, fit to keep, '' where it says none."""
    return text(value, 1_000) if isinstance(value, str) else ""


def rows(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, as a CRM says it; none of anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def row(value: object) -> Mapping[str, Any]:
    """An object, as a CRM says it; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def words(value: object) -> list[str]:
    """The words of a list, as a CRM says it."""
    return [word(one) for one in value] if isinstance(value, list) else []


def change(crm: str, record: str, at: int, said: Mapping[str, Any]) -> Change:
    """What a record says now.  Said again it has the same identity; changed within the same
    instant it has another."""
    deal, owner, stage, reason = (word(said.get(k)) for k in ("deal", "owner", "stage", "reason"))
    worth = amount(said.get("amount"))
    content = repr((deal, owner, stage, worth, reason)).encode("utf-8", "replace")
    identity = f"{crm}:{record}:{at}:{hashlib.sha256(content).hexdigest()[:16]}"
    return Change(identity, deal, instant(at), owner, stage, worth, reason)
