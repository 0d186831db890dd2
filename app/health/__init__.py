"""What `nurture doctor` looks at: each check answers, whatever state things are in."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from app.health import ledger, machine
from app.health.finding import Finding, guarded
from app.settings import Settings

__all__ = ["Finding", "examine"]


def examine(
    folder: Path, settings: Settings, *, now: datetime, mail: bool = False
) -> list[Finding]:
    """Every finding about a workspace and the machine it is on; nothing is changed."""
    findings: list[Finding] = []
    for name, check in machine.CHECKS:
        findings += guarded(name, partial(check, folder, settings))
    findings += guarded("ledger", lambda: ledger.check(folder, settings, now=now, mail=mail))
    return findings
