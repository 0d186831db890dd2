"""From simulation.yaml to the model, or every problem with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from app.simulation.cohort import made
from app.simulation.model import Choice, Simulation
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Webhook
from nurture.language.grammar.vocabulary import Known
from nurture.language.reading.one_file import read
from nurture.language.text.faults import Loc
from nurture.language.text.places import path_of, place_of
from nurture.language.text.problems import DefinitionInvalid, Problem
from nurture.language.text.source import MOST_BYTES
from nurture.language.text.tree import Node
from nurture.ledger.errors import InputRefused, NotFound
from nurture.ledger.intake.lead_rows import FIELDS

FILE = "simulation.yaml"
OWN = tuple(name for name in FIELDS if name not in ("email", "external_id"))
"""Fields a group may draw beside the workspace's own; who a lead is, it is given."""


def read_simulation(path: Path, definitions: Definitions, *, strict: bool = True) -> Simulation:
    """The model of behaviour in a file.

    With `strict` every name in it must be one of the workspace's; an older version of that may
    not have them all yet.
    Raises NotFound when there is no file, DefinitionInvalid with every problem in it.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read ({error.strerror}): it says who the leads are and how they "
            "and sales behave. Name one with --behaviour; nurture init makes an example."
        ) from error
    workspace = definitions.workspace
    known = Known(
        fields=workspace.fields, events=frozenset(workspace.events), strict=strict
    )
    reading = read(Simulation, path.name, data, known, name="simulation")
    problems = list(reading.problems)
    if strict and reading.model is not None and reading.tree is not None:
        problems += _of_names(path.name, reading.tree, reading.model, definitions)
    if problems or reading.model is None:
        raise DefinitionInvalid(problems)
    return reading.model


def _of_names(
    file: str, tree: Node, model: Simulation, definitions: Definitions
) -> Iterator[Problem]:
    """Fields, mails and webhooks the workspace does not have; values its fields do not take."""

    def problem(
        loc: Loc, rule: str, message: str, found: str = "", allowed: Iterable[str] = ()
    ) -> Problem:
        line, column = place_of(tree, loc, key=True)
        path = path_of("simulation", tree, loc)
        return Problem(file, line, column, path, message, found, tuple(allowed), rule=rule)

    fields = definitions.workspace.fields
    for number, group in enumerate(model.leads):
        for name, choice in group.fields.items():
            loc: Loc = ("leads", number, "fields", name)
            if name not in fields and name not in OWN:
                message = f'unknown field "{name}"'
                yield problem(loc, "unknown-field", message, name, [*OWN, *fields])
                continue
            values = choice.values if isinstance(choice, Choice) else (choice.first,)
            for value in values:
                try:
                    made("lead@example.test", {name: value}, fields)
                except InputRefused as refusal:
                    yield problem(loc, "wrong-value", str(refusal))
    mails = [name for name in definitions.templates if not name.startswith("notices/")]
    for name in model.mail.of:
        if name not in mails:
            message = f'there is no mail "{name}"'
            yield problem(("mail", "of", name), "unknown-mail", message, name, sorted(mails))
    programs = definitions.active.values()
    calls = {step.name for each in programs for step in each.steps if isinstance(step, Webhook)}
    for name in model.webhooks:
        if name not in calls:
            message = f'no sequence calls a webhook "{name}"'
            yield problem(("webhooks", name), "unknown-webhook", message, name, sorted(calls))
