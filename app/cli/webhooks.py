"""`nurture webhooks …`: calls to other systems and what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Limit, OneLead, States, Workspace, example, known

commands = typer.Typer(
    no_args_is_help=True, help="Calls to other systems: their fate; failed ones made once more."
)
commands.callback()(lambda: None)


@commands.command(
    "list",
    epilog=example(
        "nurture webhooks list --state failed", "nurture webhooks list --lead ann@example.test"
    ),
)
def list_(
    state: States = None,
    lead: OneLead = "",
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Calls, the newest first, made or not, each with its reason."""
    from insight.calls import call_states, calls
    from nurture.ledger.intake.leads import find_lead
    from nurture.ledger.tables.webhooks import SETTLED, STATES

    known(state or [], STATES, hint="--state")
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
                 show.when(row.settled_at if row.state in SETTLED else row.due_at, work.zone),
                 row.reason)
                for row in rows
            ],
            empty="No calls.",
            right=("id", "tries"),
        )  # fmt: skip
        if counts:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            show.note(f"All calls: {said}. Times in {work.zone}.")
    return None


@commands.command(epilog=example("nurture webhooks retry 42", "nurture webhooks retry crm"))
def retry(
    which: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="A call's number, or a webhook's name: all.")
    ],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Make calls that failed once more, under their old webhook-id.

    The leads went on when their calls failed, and stay where they are: what is answered now is one
    more engagement of theirs.
    """
    from nurture.webhooks.retry import retry as one
    from nurture.webhooks.retry import retry_all

    with opened(workspace) as work:
        with work.writing() as session:
            if which.isdecimal():
                name, count = one(session, int(which), now=work.now).name, 1
            else:
                name, count = which, retry_all(session, which, now=work.now)
        if as_json:
            return show.document({"webhook": name, "calls": count})
        calls = "1 call" if count == 1 else f"{count:,} calls"
        if count:
            show.say(f"{calls} to {name} will be made by the next tick.")
        else:
            show.say(f"No call to {name} has failed.")
    return None
