"""`nurture route`: who would get a lead and why, and what an edit of the routing would change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.instants import instant_in
from app.cli.opening import Opened, opened
from app.cli.options import Json, Limit, Workspace, example

if TYPE_CHECKING:
    from handoff.routing.explaining import Explained
    from handoff.routing.what_if import Compared

MONTH = timedelta(days=30)


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(
        epilog=example(
            "nurture route --explain ann@example.test",
            "nurture route --what-if new-handoff.yaml --since 2026-02-01",
        )
    )(route)


def route(
    lead: Annotated[
        str,
        typer.Option(
            "--explain", metavar="LEAD", show_default=False,
            help="Who would get this lead now (an address, or id:EXTERNAL_ID), and why not others.",
        ),
    ] = "",
    other: Annotated[
        Path | None,
        typer.Option(
            "--what-if", metavar="PATH", show_default=False,
            help="Another handoff.yaml, or a workspace with one: who would have got past handoffs.",
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DAY", show_default=False,
            help="With --what-if: handoffs opened from then on; else those of 30 days.",
        ),
    ] = "",
    limit: Limit = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say who gets a lead, or what a changed routing would have done; nothing is changed."""
    if bool(lead) == (other is not None):
        raise typer.BadParameter("say one of --explain LEAD and --what-if PATH")
    with opened(workspace) as work:
        if other is None:
            _explain(work, lead, as_json=as_json)
        else:
            _compare(work, other, since, limit=limit, as_json=as_json)


def _explain(work: Opened, who: str, *, as_json: bool) -> None:
    from handoff.routing.explaining import explain
    from nurture.ledger.intake.leads import find_lead

    with work.writing() as session:
        lead = find_lead(session, who)
        assert lead.id is not None
        found = explain(session, work.definitions, lead.id, now=work.now)
    if as_json:
        return show.document(found)
    _tell(found)
    return None


def _tell(found: Explained) -> None:
    if found.handoff is not None:
        show.say(f"It is with sales already, as handoff {found.handoff}. If it were given on:")
    show.facts(
        (
            ("team", found.team),
            ("decided by", found.path),
            ("because", found.reason),
            ("skills", found.skills.replace(",", ", ")),
            ("rep", found.rep or "nobody: it waits in the team's queue"),
            ("why", found.why),
        )
    )
    show.heading(f"Everybody of {found.team}")
    show.table(
        ("turn", "rep", "name", "now"),
        [(each.turn or "", each.rep, each.name, each.said) for each in found.candidates],
        empty="Nobody.",
        right=("turn",),
    )


def _compare(work: Opened, other: Path, since: str, *, limit: int, as_json: bool) -> None:
    from app.changes.what_if import definitions_with
    from handoff.routing.what_if import compare

    first = instant_in(since, work.zone, option="--since") if since else work.now - MONTH
    with work.looking() as session:
        definitions = definitions_with(work.folder, other)
        found = compare(session, definitions, since=first)
    if as_json:
        return show.document(found)
    _say(work, found, limit)
    return None


def _say(work: Opened, found: Compared, limit: int) -> None:
    since = show.when(found.since, work.zone)
    show.say(
        f"Of {found.handoffs:,} handoff{'' if found.handoffs == 1 else 's'} that routing decided "
        f"since {since}, "
        f"{found.elsewhere:,} would have gone elsewhere."
    )
    show.table(
        ("handoffs", "from team", "to team", "to rep", "by", "which says"),
        [
            (f"{each.handoffs:,}", each.team, each.to, each.rep, each.path, each.rule)
            for each in found.goings[:limit]
        ],
        empty="Nothing would change.",
        right=("handoffs",),
    )
    if len(found.goings) > limit:
        show.note(f"{len(found.goings) - limit} more lines: --limit shows them.")
