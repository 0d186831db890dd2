"""One thing that was looked at, and what was found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from nurture.ledger.errors import NurtureError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """`state` ok, warn or fail; `advice` says what to do about the latter two."""

    check: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def guarded(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a check finds; one that breaks is itself a finding."""
    try:
        return list(check())
    except NurtureError as error:
        first, _, rest = str(error).partition(". ")
        return [Finding(name, "fail", first.strip(), rest.strip())]
    except Exception as error:
        log.exception("a check broke")
        return [Finding(name, "fail", f"{type(error).__name__} while looking", str(error)[:200])]
