"""What the databases' planners have to be told, so that a statement leans on the index it means.

SQLite knows nothing of a table until somebody runs ANALYZE, and then only what was true that day:
on a ledger analysed while small, or never, it walks through a million waiting leads to find two
hundred touched ones.  So the picture of a large ledger is written into it once, and every plan is
the same on every ledger.  PostgreSQL keeps statistics by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, false, literal, literal_column, text

LARGE = {
    "lead": {
        "sqlite_autoindex_lead_1": "1000000 1",
        "sqlite_autoindex_lead_2": "1000000 1",
        "lead_lifecycle": "1000000 100000",
        "lead_timezone": "1000000 5000",
        "lead_look": "100000 2",
    },
    "lead_tag": {"sqlite_autoindex_lead_tag_1": "2000000 2 1"},
    "consent": {"sqlite_autoindex_consent_1": "500000 2 1"},
    "suppression": {"sqlite_autoindex_suppression_1": "50000 1"},
    "change": {"change_lead": "2000000 2 1"},
    "enrolment": {
        "enrolment_turn": "2000000 2 1 1 1",
        "enrolment_active": "1000000 1 1 1",
        "enrolment_due": "1000000 100000 10000 2",
        "enrolment_recheck": "10000 2",
        "enrolment_watch": "10000 2",
    },
    "arrival": {
        "arrival_waiting": "100000 20000 1 1",
        "arrival_queue": "100000 20000 1",
        "arrival_entered": "500000 100000 2",
        "arrival_excluded": "100000 2 1 1 1",
        "arrival_lead": "700000 2 1",
    },
    "decision": {
        "decision_lead": "10000000 10 1",
        "decision_enrolment": "10000000 5",
        "decision_split": "1000000 2 1",
    },
    "engagement": {
        "sqlite_autoindex_engagement_1": "5000000 1000000 1",
        "engagement_lead": "5000000 5 2 1",
        "engagement_parked": "1000 2",
        "engagement_message": "500000 1",
    },
    "score_entry": {
        "score_entry_lead": "5000000 5 1",
        "score_entry_engagement": "5000000 2 1",
        "score_entry_fit": "2000000 2 1",
    },
    "message": {
        "sqlite_autoindex_message_1": "5000000 1",
        "message_step": "5000000 5 1 1",
        "message_lead": "5000000 5 1",
        "message_due": "1000 500 2",
        "message_in_hand": "100 1",
        "message_lease": "100 10",
        "message_unknown": "100 2",
    },
    "webhook_call": {
        "webhook_call_step": "500000 1 1",
        "webhook_call_lead": "500000 2 1",
        "webhook_call_due": "1000 2",
        "webhook_call_claimed": "100 10 2",
    },
    "post": {
        "sqlite_autoindex_post_1": "200000 1",
        "ix_post_message_id": "200000 1",
        "post_due": "200 2",
        "post_claimed": "20 2",
    },
    "crm_record": {
        "sqlite_autoindex_crm_record_1": "200000 1",
        "crm_record_due": "200 2",
        "crm_record_claimed": "20 2",
        "crm_record_failed": "100 1",
    },
    "crm_change": {"sqlite_autoindex_crm_change_1": "20000 1", "crm_change_at": "20000 2"},
    "sign_in": {"sqlite_autoindex_sign_in_1": "500 1", "sign_in_email": "500 3 1"},
    "web_session": {"web_session_prefix": "1000 1", "web_session_email": "1000 4"},
    "touch": {"touch_tick": "1000 200 1"},
    "episode": {
        "episode_open": "100000 1 1",
        "episode_recheck": "50000 2",
        "episode_untold": "200 1",
        "episode_held": "2000 1",
    },
    "handoff": {
        "handoff_episode": "200000 1",
        "handoff_opened": "200000 10",
        "handoff_lead": "2000 1",
        "handoff_past": "200000 2 1",
        "handoff_domain": "150000 5 1",
        "handoff_parent": "50000 5 1",
        "handoff_held": "1000 2",
        "handoff_queue": "100 20",
        "handoff_rep": "200000 2000 200",
    },
    "clock": {
        "clock_once": "500000 3 2 1 1",
        "clock_rep": "500000 5000 2",
        "clock_running": "2000 2",
    },
    "restatement": {"restatement_once": "100000 1 1"},
    "idempotency_key": {
        "sqlite_autoindex_idempotency_key_1": "20000 2000 1",
        "idempotency_key_at": "20000 2",
    },
    "follow_up": {
        "follow_up_once": "100000 1",
        "follow_up_due": "20000 2",
        "follow_up_lead": "100000 2",
    },
    "rung": {"rung_once": "1000000 4 1 1", "rung_due": "2000 2"},
}
"""Table → index → its rows, and how many of them share its first column, its first two, …
(SQLite's `sqlite_stat1`).  Few leads are touched, in hand, or watched by time alone at once."""


def tell(connection: Connection) -> None:
    """Write the picture into a SQLite ledger, over whatever an ANALYZE left there.

    This connection plans by it from now on, as every one opened later does.
    """
    if connection.dialect.name != "sqlite":
        return
    connection.execute(text("ANALYZE main.sqlite_schema"))  # makes the table, looks at nothing else
    connection.execute(text("DELETE FROM main.sqlite_stat1"))
    rows = [
        {"tbl": table, "idx": index, "stat": stat}
        for table, indexes in LARGE.items()
        for index, stat in indexes.items()
    ]
    connection.execute(text("INSERT INTO main.sqlite_stat1 VALUES (:tbl, :idx, :stat)"), rows)
    connection.execute(text("ANALYZE main.sqlite_schema"))  # reads the picture


def among(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """The column is one of these words of our own, spelt out.

    A bound value would hide from SQLite that a partial index (`WHERE state IN (…)`) fits.
    """
    spelt: list[Any] = [literal_column(f"'{value}'") for value in values]
    found: ColumnElement[bool] = column == spelt[0] if len(spelt) == 1 else column.in_(spelt)
    return found


def one_of(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """The column is one of these values, each a parameter of its own.

    A list given as one parameter is written into the statement anew each time it is asked.
    """
    each = [literal(value, column.type) for value in values]
    return column.in_(each) if each else false()
