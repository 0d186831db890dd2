"""`nurture messages …`: mails and what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Limit, OneLead, States, Workspace, example, known

commands = typer.Typer(no_args_is_help=True, help="Mails: what became of them; resolve unknown.")


@commands.command(
    "list",
    epilog=example(
        "nurture messages list --state unknown", "nurture messages list --lead ann@example.test"
    ),
)
def list_(
    state: States = None,
    lead: OneLead = "",
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Mails, the newest first, sent or not, each with its reason."""
    from insight.listing import message_states, messages
    from nurture.delivery.states import TRANSITIONS
    from nurture.ledger.intake.leads import find_lead

    known(state or [], TRANSITIONS, hint="--state")
    with opened(workspace) as work, work.looking() as session:
        whose = find_lead(session, lead).id if lead else None
        rows = messages(session, states=state or (), lead=whose, limit=limit)
        counts = message_states(session)
        if as_json:
            return show.document({"messages": rows, "states": counts})
        show.table(
            ("id", "lead", "mail", "state", "when", "reason"),
            [
                (row.id, row.lead, row.template or row.kind, row.state,
                 show.when(row.handed_at or row.settled_at or row.due_at, work.zone), row.reason)
                for row in rows
            ],
            empty="No mails.",
            right=("id",),
        )  # fmt: skip
        if counts:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            show.note(f"All mails: {said}. Times in {work.zone}.")
    return None


@commands.command(
    epilog=example("nurture messages resolve 42 --sent", "nurture messages resolve 42 --resend")
)
def resolve(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The mail's number.")],
    sent: Annotated[bool, typer.Option("--sent", help="It arrived: no second one.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="It did not: send it again.")] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say what became of a mail nobody knows about (state unknown), or try a failed one again."""
    from nurture.delivery.settle import resolve as settle

    if sent == resend:
        raise typer.BadParameter("say either --sent or --resend", param_hint="--sent / --resend")
    outcome = "sent" if sent else "resend"
    with opened(workspace) as work:
        with work.writing() as session:
            settle(session, number, outcome=outcome, now=work.now)
        if as_json:
            show.document({"message": number, "state": "sent" if sent else "due"})
        else:
            said = "counts as sent" if sent else "will be sent by the next tick"
            show.say(f"Message {number} {said}.")
