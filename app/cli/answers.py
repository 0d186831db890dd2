"""`nurture handoffs accept …`: what sales answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.instants import instant_in, length_in
from app.cli.opening import Opened, opened
from app.cli.options import By, Json, Workspace, example, one_of

if TYPE_CHECKING:
    from sqlmodel import Session

    from handoff.answering.deciding import Answer

commands = typer.Typer()
Number = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The handoff's number.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="WORDS", help="Why; handoff.yaml suggests reasons.")
]


class Result(StrEnum):
    """What came of a lead."""

    meeting = "meeting"
    opportunity = "opportunity"
    won = "won"
    lost = "lost"


@commands.command(epilog=example("nurture handoffs accept 7 --by bo"))
def accept(number: Number, by: By = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Take the lead; out of a team's queue it is taken by the rep named with --by."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.accept(
        s, w.definitions, number, **who))  # fmt: skip


@commands.command(epilog=example('nurture handoffs reject 7 --reason "not a fit"'))
def reject(
    number: Number, reason: Reason = "", by: By = "", workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Send the lead back, with a reason."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.reject(
        s, w.definitions, number, reason=reason, **who))  # fmt: skip


@commands.command(epilog=example("nurture handoffs touch 7 --how called"))
def touch(
    number: Number,
    how: Annotated[str, typer.Option("--how", metavar="WORDS", help="Called, mailed, met …")] = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say that sales has been in touch with the lead."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.touch(
        s, w.definitions, number, how=how, **who))  # fmt: skip


@commands.command(epilog=example("nurture handoffs pause 7 --until 2026-03-09 --reason holidays"))
def pause(
    number: Number,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="WHEN", help="A day, or an instant; in the team's zone unless it has"
            " one.",
        ),
    ],
    reason: Reason = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Wait for the lead: the deadlines stand still.

    They go on with what was left when the lead does something, sales is in touch, or the time is
    over.
    """
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.pause(
        s, w.definitions, number, until=_until(s, w, number, until), reason=reason, **who)
    )  # fmt: skip


def _until(session: Session, work: Opened, number: int, text: str) -> datetime:
    from handoff import standing

    rules = work.definitions.handoff
    team = standing.of(session, number).team
    known = rules.teams.get(team) if rules else None
    return instant_in(text, known.zone if known else work.zone)


@commands.command(epilog=example('nurture handoffs snooze 7 --for "2 hours"'))
def snooze(
    number: Number,
    length: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="How long; handoff.yaml says at most.")
    ],
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Put the lead off, once: the deadlines stand still so long."""
    from handoff.answering import answers

    span = length_in(length)
    _answer(workspace, as_json, by, lambda s, w, who: answers.snooze(
        s, w.definitions, number, length=span, **who))  # fmt: skip


@commands.command(epilog=example("nurture handoffs resume 7"))
def resume(number: Number, by: By = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Wait for the lead no more: the deadlines go on with what was left of them."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.resume(
        s, w.definitions, number, **who))  # fmt: skip


@commands.command(epilog=example("nurture handoffs give 7 mareike"))
def give(
    number: Number,
    to: Annotated[str, typer.Argument(metavar="REP", help="Who gets it.")],
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Hand the lead to a colleague, with deadlines of its own."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.give(
        s, w.definitions, number, to=to, **who))  # fmt: skip


@commands.command(epilog=example('nurture handoffs recycle 7 --reason "bad timing"'))
def recycle(
    number: Number, reason: Reason = "", by: By = "", workspace: Workspace = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Back to nurture: not now, rather than not at all."""
    from handoff.answering import answers

    _answer(workspace, as_json, by, lambda s, w, who: answers.recycle(
        s, w.definitions, number, reason=reason, **who))  # fmt: skip


@commands.command(
    epilog=example(
        "nurture handoffs outcome 7 opportunity --amount 12000",
        'nurture handoffs outcome 7 lost --reason "…"',
    )
)
def outcome(
    number: Number,
    result: Annotated[
        Result,
        typer.Argument(help="meeting, opportunity, won, or lost.", **one_of(Result, "RESULT")),
    ],
    amount: Annotated[
        float | None, typer.Option("--amount", help="What an opportunity, or a deal won, is worth.")
    ] = None,
    reason: Reason = "",
    by: By = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say what came of the lead: a meeting, an opportunity, won, or lost with a reason."""
    from handoff.answering import outcomes

    _answer(workspace, as_json, by, lambda s, w, who: outcomes.outcome(
        s, w.definitions, number, result=result.value, amount=amount, reason=reason, **who)
    )  # fmt: skip


def _answer(
    workspace: Path | None, as_json: bool, by: str,
    give_it: Callable[[Session, Opened, dict[str, Any]], Answer],
) -> None:  # fmt: skip
    """Write the answer of whoever gives it, and say what it did; one too late ends with 1."""
    from handoff.desk.seats import speaker

    with opened(workspace) as work:
        who = {"by": speaker(work.definitions, by), "now": work.now}
        with work.writing() as session:
            answer = give_it(session, work, who)
        if as_json:
            show.document(answer)
        else:
            show.say(f"Handoff {answer.handoff}: {answer.text}")
        if not answer.done:
            raise typer.Exit(1)
