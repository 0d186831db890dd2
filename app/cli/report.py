"""`nurture report …`: figures over what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import reasons, show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from insight.shadow import Comparison, Event
    from insight.splits import LookLine, SplitLine

commands = typer.Typer(no_args_is_help=True, help="Reports: reasons, shadow, splits.")
commands.add_typer(reasons.commands)


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


@commands.command(epilog=example("nurture report splits"))
def splits(workspace: Workspace = None, as_json: Json = False) -> None:
    """Splits: mails and rates of each arm, how sure the difference is, and which arm has won."""
    from insight.splits import splits as lines

    with opened(workspace) as work, work.looking() as session:
        found = lines(session, work.definitions, now=work.now)
        if as_json:
            return show.document({"splits": found})
        if not found:
            show.say("No applied sequence has a split.")
        for each in found:
            _tell_split(each, work.zone)
    return None


DONE = {"click_rate": "clicks", "reply_rate": "replies", "goal_rate": "goals"}
"""By what arms are compared: what is counted for it."""
LEAST_P = 0.001


def _tell_split(found: SplitLine, zone: str) -> None:
    show.heading(f"{found.sequence}: {found.split}, by {DONE[found.by]} ({found.path})")
    show.table(
        ("arm", "share", "sends", DONE[found.by], "rate"),
        [
            (each.arm, f"{each.share:.4g} %", f"{each.sends:,}", f"{each.hits:,}",
             f"{each.rate:.2%}")
            for each in found.arms
        ],
        right=("share", "sends", DONE[found.by], "rate"),
    )  # fmt: skip
    if found.hold_out:
        show.say(f"{found.hold_out:.4g} % are held out.")
    if found.last is not None:
        show.say(_look(found.last, found.confidence, zone))
    if found.next_at:
        again = "again " if found.last else ""
        show.say(f"Looked at {again}when every arm has {found.next_at:,} sends, each a day old.")


def _look(last: LookLine, confidence: float, zone: str) -> str:
    between = f"{100 * last.low:+.1f} to {100 * last.high:+.1f} percentage points"
    at = f"Look {last.look}, {show.when(last.at, zone)} ({zone})"
    error = f"{1 - confidence:.3g}"
    p = f"p {last.p:.2g}" if last.p >= LEAST_P else f"p below {LEAST_P}"
    if last.winner:
        better = f"{last.winner} does better than {last.against} by {between}"
        return f"{last.winner} has won. {at}: {better}, {p} (under {error})."
    lead = f"{last.best} and {last.against} differ by {between}"
    return f"No winner yet. {at}: {lead}, {p} (a winner needs less than {error})."
