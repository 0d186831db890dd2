"""`nurture crm …`: what the CRM was told, refused and said; whether it can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from handoff.crm.overview import Overview

commands = typer.Typer(
    no_args_is_help=True, help="The CRM: what it was told, refused and said; try it; tell it again."
)
commands.callback()(lambda: None)


@commands.command("show", epilog=example("nurture crm show", "nurture crm show --json"))
def show_(workspace: Workspace = None, as_json: Json = False) -> None:
    """What waits to be told, was told or refused, and what the CRM said.

    Makes no connection, and shows no token.
    """
    from handoff.crm.keeping import NONE
    from handoff.crm.overview import overview

    with opened(workspace) as work, work.looking() as session:
        found = overview(session, work.definitions)
        if as_json:
            return show.document({"crm": found})
        if found is None:
            return show.say(NONE)
        show.facts(_facts(found, work.zone))
        show.table(
            ("refused", "reason"), [(each.lead, each.reason) for each in found.refused], empty=""
        )
        if found.refused:
            show.note("Tell the CRM of them once more: nurture crm push --failed")
    return None


def _facts(found: Overview, zone: str) -> list[tuple[str, str]]:
    records = ", ".join(f"{count:,} {state}" for state, count in found.records.items()) or "none"
    out = f"out of order since {show.when(found.down_since, zone)}: {found.reason}"
    facts = [
        ("CRM", f"{found.system} {found.url}".strip()),
        ("state", out if found.down_since else "well"),
        ("leads", records + (f"; {found.marked:,} changed since" if found.marked else "")),
        ("told last", show.when(found.told_at, zone)),
        ("said", f"{found.changes:,} changes"),
    ]
    if found.pull_at is not None:
        facts.append(("asked last", show.when(found.pulled_at, zone) or "never"))
        facts.append(("asked next", show.when(found.pull_at, zone)))
    if found.pull_reason:
        facts.append(("could not be asked", found.pull_reason))
    if found.unnamed:
        facts.append(("reps without a name there", ", ".join(found.unnamed)))
    if found.unknown:
        facts.append(("names nobody here has", ", ".join(found.unknown)))
    return facts


@commands.command("test", epilog=example("nurture crm test"))
def try_(workspace: Workspace = None, as_json: Json = False) -> None:
    """Try the way to the CRM, and what the token may do, and say what came of it.

    Ends with 1 when it cannot be told of leads.  Changes nothing, here or there.
    """
    from app.crm.choosing import try_crm

    with opened(workspace) as work:
        answer = try_crm(work.runtime)
        reached = answer.verdict == "done"
        if as_json:
            show.document({"reached": reached, "reason": answer.reason})
        else:
            show.say(f"The CRM {'answers' if reached else f'cannot be told: {answer.reason}'}")
    if not reached:
        raise typer.Exit(1)


@commands.command(
    epilog=example("nurture crm push ann@example.test", "nurture crm push --failed")
)
def push(
    lead: Annotated[str, typer.Argument(metavar="[LEAD]", help="An address, or id:….")] = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="Every lead that was refused.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every lead it knows, or that ever was with sales.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Tell the CRM of leads anew with the next tick, whatever it was told before."""
    from handoff.crm import keeping
    from nurture.ledger.errors import Conflict, InputRefused
    from nurture.ledger.intake.leads import find_lead

    if [bool(lead), failed, everything].count(True) != 1:
        raise InputRefused("Say which: a lead's address, or --failed, or --all.")
    with opened(workspace) as work:
        with work.writing() as session:
            if keeping.model_of(work.definitions) is None:
                raise Conflict(keeping.NONE)
            if lead:
                number = find_lead(session, lead).id
                assert number is not None
                count = int(keeping.push_lead(session, number, now=work.now))
            else:
                verb = keeping.push_failed if failed else keeping.push_all
                count = verb(session, now=work.now)
        if as_json:
            return show.document({"leads": count})
        leads = "1 lead" if count == 1 else f"{count:,} leads"
        show.say(f"The CRM will be told of {leads} by the next tick.")
    return None
