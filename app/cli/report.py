"""`nurture report …`: figures over what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from insight.shadow import Comparison, Event

commands = typer.Typer(no_args_is_help=True, help="Reports: shadow.")


@commands.command(epilog=example("nurture report shadow", "nurture report shadow --leads 100"))
def shadow(
    leads: Annotated[
        int, typer.Option("--leads", min=0, metavar="N", help="How many leads to show.")
    ] = 20,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Compare versions that run in shadow with those in force: where leads fare otherwise."""
    from app.shadow.beginning import marked
    from insight.shadow import compare, versions
    from nurture.ledger.errors import NotFound

    with opened(workspace) as work, work.looking() as session:
        beside = work.runtime.shadow()
        if beside is None:
            raise NotFound(_why_none(unmarked=not marked(work.runtime.ledger)))
        with beside.ledger.looking() as copy:
            found = [compare(session, copy, of, examples=leads) for of in versions(copy)]
        if as_json:
            return show.document({"shadows": found})
        for each in found:
            _tell(each, work.zone)
    return None


def _why_none(*, unmarked: bool) -> str:
    if unmarked:
        return "No version runs in shadow. Write shadow: true into a sequence, then: nurture apply"
    return "A sequence is marked shadow, but its copy of the ledger was not finished: nurture apply"


def _tell(found: Comparison, zone: str) -> None:
    beside = f"beside version {found.live}" if found.live else "of a sequence not in force yet"
    show.say(
        f"{found.sequence}: version {found.shadow} in shadow {beside}, "
        f"since {show.when(found.since, zone)} ({zone})"
    )
    show.table(
        ("what", "live", "shadow", "difference"),
        [
            (each.what, f"{each.live:,}", f"{each.shadow:,}", f"{each.shadow - each.live:+,}")
            for each in found.figures
        ],
        empty="Nothing has happened under either of them yet.",
        right=("live", "shadow", "difference"),
    )
    if not found.leads:
        return
    show.say("")
    show.table(
        ("leads", "of whom"),
        [(f"{count:,}", what) for what, count in sorted(found.leads.items())],
        right=("leads",),
    )
    if not found.partings:
        return
    show.say("")
    show.table(
        ("lead", "live", "shadow"),
        [
            (each.lead, _event(each.live, zone), _event(each.shadow, zone))
            for each in found.partings
        ],
    )


def _event(event: Event | None, zone: str) -> str:
    return "nothing" if event is None else f"{show.when(event.at, zone)} {event.what}"
