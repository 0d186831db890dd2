"""`nurture report reasons`: why sales sent leads back, and what the others came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.instants import instant_in
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from insight.reasons import Line

commands = typer.Typer()


@commands.command(
    epilog=example(
        "nurture report reasons --by sequence", "nurture report reasons --since 2026-01-01"
    )
)
def reasons(
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="WHAT", show_default=False,
            help="cause, rule, team, sequence, source, or a field of texts; else all together.",
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DAY", help="Handoffs opened from then on; else all.",
            show_default=False,
        ),
    ] = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Count why sales rejected, lost or recycled leads, against what was opened and won."""
    from insight.reasons import reasons as lines

    with opened(workspace) as work, work.looking() as session:
        begin = instant_in(since, work.zone, option="--since") if since else None
        found = lines(session, work.definitions, by=by, since=begin)
        if as_json:
            return show.document({"by": by, "since": begin, "lines": found})
        _tell(found, by)
    return None


def _tell(found: list[Line], by: str) -> None:
    numbers = ("opened", "won", "amount won", "sent back", "of opened")
    head = (by,) if by else ()
    show.table(
        (*head, *numbers),
        [
            (*([line.name or "(none)"] if by else []), f"{line.opened:,}",
             f"{line.states.get('won', 0):,}", f"{line.amount:,.10g}", f"{_back(line):,}",
             f"{_back(line) / line.opened:.0%}")
            for line in found
        ],
        empty="No handoffs.",
        right=numbers,
    )  # fmt: skip
    if not any(line.reasons for line in found):
        return
    show.say("")
    counts = ("rejected", "recycled", "lost", "of opened")
    show.table(
        (*head, "reason", *counts),
        [
            (*([line.name or "(none)"] if by else []), each.reason,
             *(f"{each.counts[state]:,}" for state in counts[:3]), f"{each.share:.0%}")
            for line in found
            for each in line.reasons
        ],
        right=counts,
    )  # fmt: skip


def _back(line: Line) -> int:
    return sum(each.times for each in line.reasons)
