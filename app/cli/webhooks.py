"""`nurture webhooks …`: calls to other systems and what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Limit, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="Calls to other systems: what became of them.")
commands.callback()(lambda: None)


@commands.command(
    "list",
    epilog=example(
        "nurture webhooks list --state failed", "nurture webhooks list --lead ann@example.test"
    ),
)
def list_(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only these; may be repeated.")
    ] = None,
    lead: Annotated[str, typer.Option("--lead", metavar="LEAD", help="Only this lead's.")] = "",
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Calls, the newest first, made or not, each with its reason."""
    from app.cli.messages import known_states
    from insight.calls import call_states, calls
    from nurture.ledger.leads import find_lead
    from nurture.ledger.tables.webhooks import STATES

    known_states(state or [], STATES)
    with opened(workspace) as work, work.looking() as session:
        whose = find_lead(session, lead).id if lead else None
        rows = calls(session, states=state or (), lead=whose, limit=limit)
        counts = call_states(session)
        if as_json:
            return show.document({"calls": rows, "states": counts})
        show.table(
            ("id", "lead", "webhook", "state", "tries", "when", "reason"),
            [
                (row.id, row.lead, row.name, row.state, row.attempts,
                 show.when(row.settled_at or row.due_at, work.zone), row.reason)
                for row in rows
            ],
            empty="No calls.",
            right=("id", "tries"),
        )  # fmt: skip
        if counts:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            show.note(f"All calls: {said}. Times in {work.zone}.")
    return None
