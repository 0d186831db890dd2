"""Words of the language that exist but not in this version: they are no typing errors."""

from __future__ import annotations

from collections.abc import Mapping

LATER: Mapping[str, frozenset[str]] = {
    "Workspace": frozenset(
        (
            "channels",
            "schedule",
            "frequency",
            "plan",
            "tests",
        )
    ),
    "Caps": frozenset(("per_month", "per_hour")),
    "Topic": frozenset(("double_opt_in", "basis")),
    "Scoring": frozenset(("decay", "caps", "shadow", "tests", "levels")),
    "BehaviourRule": frozenset(("shadow", "cap")),
    "FitRule": frozenset(("shadow",)),
    "Threshold": frozenset(("grade", "shadow", "fit_at_least")),
    "HandoffRules": frozenset(("shadow", "tests", "crm")),
    "Team": frozenset(("spread", "capacity", "backup")),
    "Sla": frozenset(("next_step", "close")),
    "RungModel": frozenset(("repeat", "notify", "webhook", "every")),
    "SequenceModel": frozenset(
        ("shadow", "channel", "quiet_hours")
    ),
    "Enter": frozenset(("every", "list")),
    "Exit": frozenset(("start",)),
    "Timing": frozenset(("quiet_hours", "best_time")),
    "WindowModel": frozenset(("quiet_hours",)),
    "StepModel": frozenset(
        ("winner",)
    ),
    "SendModel": frozenset(
        ("priority", "channel", "spread", "variants", "winner")
    ),
    "HandOffModel": frozenset(("priority", "rep")),
}
"""By model: keys that are not supported yet."""
