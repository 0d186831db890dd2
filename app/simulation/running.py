"""One simulation from beginning to end: files, cohort, days, figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.dice import Dice
from app.recording import recorded
from app.settings import Settings
from app.simulation.agenda import Agenda
from app.simulation.answering import DrawingCaller
from app.simulation.cohort import MadeUp
from app.simulation.model import Simulation
from app.simulation.people import People
from app.simulation.play import Player
from app.simulation.reading import FILE, read_simulation
from app.simulation.taking import Taking
from app.simulation.working_time import WorkingTime
from app.stories.rehearsal import KEYS, rehearse
from app.wiring import open_ledger_of
from insight.outlook import Outlook, outlook
from nurture.calendar.zones import local_instant
from nurture.delivery.rehearsal import SparingPress
from nurture.language.compiled.definitions import Definitions
from nurture.ledger.copies.copying import copy_people
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused
from nurture.ledger.imports import import_leads

CONNECTIONS = 25
"""So many mails times twenty are one transaction; the transport costs nothing."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What to simulate.

    The cohort is `file` (a CSV of leads, `mapping` its columns), the people of the ledger with
    `ledger`, else `leads` made-up ones; with `replay` those engagements happen and none is drawn.
    """

    begin: date
    days: int = 90
    seed: int = 1
    step: timedelta = timedelta(hours=1)
    leads: int = 1_000
    file: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    ledger: bool = False
    behaviour: Path | None = None
    replay: Path | None = None


@dataclass(frozen=True)
class Simulated:
    """What came of it; `failures` are passes that failed, and how often."""

    cohort: str
    begin: datetime
    end: datetime
    step: timedelta
    seed: int
    ticks: int
    failures: Mapping[str, int]
    figures: Outlook


def simulate(
    folder: Path, people: Path, asked: Asked, settings: Settings, progress: Progress
) -> Simulated:
    """Play the cohort against the files of a workspace as they stand; nothing is written there.

    `people` is the workspace whose ledger and simulation.yaml count: the same, or in a comparison
    the new one.
    Raises DefinitionInvalid for the workspace or the model of behaviour, InputRefused for files.
    """
    with open_memory() as ledger:
        rehearsal = rehearse(ledger, folder)
        definitions = rehearsal.runtime.definitions()
        zone = ZoneInfo(definitions.workspace.zone)
        model = _model(people, asked, definitions, strict=folder == people)
        begin = local_instant(asked.begin, 0, zone)
        end = local_instant(asked.begin + timedelta(days=asked.days), 0, zone)
        rehearsal.clock.now = begin
        dice = Dice(str(asked.seed))
        press = SparingPress(definitions, KEYS, lambda url: 1)
        player = Player(
            runtime=replace(
                rehearsal.runtime, transport=(taking := Taking()), connections=CONNECTIONS,
                press=lambda _: press,
                caller=DrawingCaller(said=model.webhooks, dice=dice),
            ),
            clock=rehearsal.clock,
            taking=taking,
            agenda=Agenda(begin, asked.step, -((begin - end) // asked.step)),
            people=People(model, dice, WorkingTime(definitions, begin, end)),
            zone=zone,
            recorded=recorded(asked.replay) if asked.replay else (),
        )
        cohort = _gather(people, asked, settings, ledger, player, model)
        player.play(progress)
        with ledger.looking() as session:
            figures = outlook(session, definitions, player.diary, now=rehearsal.clock.now)
    return Simulated(
        cohort=cohort,
        begin=begin.astimezone(zone),
        end=rehearsal.clock.now.astimezone(zone),
        step=asked.step,
        seed=asked.seed,
        ticks=player.ticks,
        failures=dict(player.failures),
        figures=figures,
    )


def _model(folder: Path, asked: Asked, definitions: Definitions, *, strict: bool) -> Simulation:
    """The model of behaviour; under a replay only sales and other systems are left to be drawn."""
    path = asked.behaviour or folder / FILE
    if asked.replay is None:
        return read_simulation(path, definitions, strict=strict)
    if asked.behaviour is None and not path.is_file():
        return Simulation()
    said = read_simulation(path, definitions, strict=strict)
    return Simulation(sales=said.sales, webhooks=said.webhooks)


def _gather(
    folder: Path, asked: Asked, settings: Settings, ledger: Ledger, player: Player,
    model: Simulation,
) -> str:  # fmt: skip
    """Put the cohort where the play begins, or have it come; says who they are."""
    if asked.ledger:
        source = open_ledger_of(folder, settings)
        try:
            with source.looking() as read, ledger.begin() as session:
                copy_people(read, session)
        finally:
            source.close()
        said = "the leads of the ledger"
    elif asked.file is not None:
        _import(asked.file, asked.mapping, ledger, player)
        said = f"the leads of {asked.file.name}"
    elif asked.replay is not None:
        return f"the leads of {asked.replay.name}"
    else:
        _make_up(asked, player, model)
        return f"{asked.leads:,} made-up leads"
    player.settle(model.events)
    return said


def _make_up(asked: Asked, player: Player, model: Simulation) -> None:
    if not model.leads:
        raise InputRefused("The model of behaviour makes up no leads: it needs groups under leads.")
    fields = player.runtime.definitions().workspace.fields
    player.expect(MadeUp(model.leads, model.events, fields, player.people.dice), asked.leads)


def _import(file: Path, mapping: Mapping[str, str], ledger: Ledger, player: Player) -> None:
    with tempfile.TemporaryDirectory(prefix="nurture-") as place:
        report = import_leads(
            ledger,
            file,
            mapping=mapping,
            field_types=dict(player.runtime.definitions().workspace.fields),
            now=player.clock.now,
            reject_path=Path(place) / "rejects.csv",
        )
    if report.rejected:
        raise InputRefused(
            f"{report.rejected} of {report.read} rows of {file.name} cannot be taken. "
            "nurture leads import names them, with reasons, in a file."
        )
