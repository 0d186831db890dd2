"""The states of a message and the ways between them: the one table every statement goes by.

due ──► claimed ──► handed ──► sent
 ▲         │           ├─────► rejected
 │         │           ├─────► unknown ──► sent | due (by evidence or a person)
 │         ▼           └─────► deferred ──► claimed …
 └── lease over     render_failed
due, deferred, claimed ──► suppressed | expired | cancelled
"""

from nurture.ledger.tables.messages import FINAL

WAITING = ("due", "deferred")
IN_HAND = ("claimed", "handed")
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "due": ("claimed", "suppressed", "expired", "cancelled", "render_failed"),
    "deferred": ("due", "claimed", "suppressed", "expired", "cancelled"),
    "claimed": ("due", "handed", "render_failed", "suppressed", "cancelled"),
    "handed": ("sent", "deferred", "rejected", "unknown", "due"),
    "unknown": ("sent", "due"),
    "render_failed": ("due",),
    **{state: () for state in FINAL if state != "render_failed"},
}
"""`handed → due` is for a channel that failed before the final dot, and for notices, which are
sent again; `→ due` from `unknown` and `render_failed` is a person's decision
(`nurture messages resolve`); `due → render_failed` is a notice that cannot be written."""


def sources(target: str) -> tuple[str, ...]:
    """The states from which `target` may be reached."""
    return tuple(state for state, ways in TRANSITIONS.items() if target in ways)
