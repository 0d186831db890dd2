"""`nurture simulate`: plays a cohort of leads against the workspace and shows what it would be."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.imports import Map, mapping_of
from app.cli.opening import chosen
from app.cli.options import Json, Workspace, example
from app.cli.progress import counting

if TYPE_CHECKING:
    from app.settings import Settings
    from app.simulation.running import Asked, Simulated

MOST_LEADS = 1_000_000
MOST_DAYS = 730

Leads = Annotated[int, typer.Option("--leads", min=1, max=MOST_LEADS, help="So many made-up ones.")]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        show_default=False,
        help="The leads of this file instead, as for nurture leads import.",
    ),
]
Step = Annotated[
    str, typer.Option("--step", metavar="TIME", help="How far the clock jumps from tick to tick.")
]
Behaviour = Annotated[
    Path | None,
    typer.Option(
        "--behaviour",
        metavar="FILE",
        dir_okay=False,
        show_default=False,
        help="The model of behaviour; else simulation.yaml of the workspace.",
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        "--replay",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        show_default=False,
        help="Let these engagements (JSONL) happen instead of drawn ones.",
    ),
]
Compare = Annotated[
    Path | None,
    typer.Option(
        "--compare",
        metavar="DIR",
        exists=True,
        file_okay=False,
        show_default=False,
        help="Another version of the workspace: both, and what differs.",
    ),
]


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command(
        "simulate",
        epilog=example(
            "nurture simulate --leads 2000 --days 60 --begin 2026-03-02",
            "nurture simulate --replay engagements.jsonl --begin 2026-03-02",
            "nurture simulate --ledger --compare ../as-it-was",
        ),
    )(simulate)


def simulate(
    leads: Leads = 1_000,
    file: From = None,
    mapping: Map = None,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="The leads of the workspace's ledger instead.")
    ] = False,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="How long.")] = 90,
    begin: Annotated[
        str, typer.Option("--begin", metavar="DATE", help="The first day; else today.")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another chance.")] = 1,
    step: Step = "1 hour",
    behaviour: Behaviour = None,
    replay: Replay = None,
    compare: Compare = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Play a cohort of leads against the sequences, on a virtual clock, in a ledger of its own.

    The workspace's files are played as they stand, applied or not, through the passes of the live
    engine.  Nothing is written to the workspace, no mail goes out.
    """
    from app.settings import read_settings
    from app.simulation.running import Asked
    from app.wiring import workspace_folder

    if ledger and file is not None:
        said = "the leads come from a file or from the ledger, not from both"
        raise typer.BadParameter(said, param_hint="--from")
    settings = read_settings()
    folder = workspace_folder(chosen(workspace, settings))
    asked = Asked(
        begin=_begin(begin), days=days, seed=seed, step=_step(step), leads=leads, file=file,
        mapping=mapping_of(mapping or []), ledger=ledger,
        behaviour=behaviour, replay=replay,
    )  # fmt: skip
    old = None
    if compare is not None:
        old = _run(workspace_folder(compare), folder, asked, settings, "steps of the old one")
    new = _run(folder, folder, asked, settings, "steps")
    _answer(new, old, as_json=as_json)
    if new.failures or (old and old.failures):
        raise typer.Exit(1)


def _answer(new: Simulated, old: Simulated | None, *, as_json: bool) -> None:
    from app.cli import simulated
    from insight.differences import differences

    found = differences(old.figures, new.figures) if old is not None else None
    if not as_json:
        simulated.tell(new) if found is None or old is None else simulated.compare(old, new, found)
        return
    if found is None or old is None:
        show.document(new)
        return
    changed = [{**show.plain(each), "change": each.change} for each in found]
    show.document({"new": new, "old": old, "differences": changed})


def _run(
    folder: Path, people: Path, asked: Asked, settings: Settings, what: str
) -> Simulated:
    from app.simulation.running import simulate as run

    with counting(what) as told:
        return run(folder, people, asked, settings, told)


def _begin(text: str) -> date:
    if not text:
        from app.clocks import wall_clock

        return wall_clock().date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no date; write it as 2026-03-02", param_hint="--begin"
        ) from None


def _step(text: str) -> timedelta:
    from nurture.language.grammar.durations import parse_elapsed

    try:
        step = parse_elapsed(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--step") from None
    if not timedelta(minutes=1) <= step <= timedelta(days=1):
        raise typer.BadParameter("a step is a minute to a day long", param_hint="--step")
    return step
