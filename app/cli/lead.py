"""`nurture lead …`: one lead, its story, and why its score is what it is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli import show
from app.cli.instants import clock_at
from app.cli.opening import Opened, opened
from app.cli.options import Json, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="One lead: what is known, what happened, why.")
Who = Annotated[str, typer.Argument(metavar="LEAD", help="An address, or id:EXTERNAL_ID.")]


@commands.command("show", epilog=example("nurture lead show ann@example.test"))
def show_(who: Who, workspace: Workspace = None, as_json: Json = False) -> None:
    """What is known of a lead and where it stands now."""
    from handoff.desk.board import handoffs
    from insight.listing import lead_card
    from nurture.ledger.intake.leads import find_lead
    from nurture.scoring.explain import explain

    with opened(workspace) as work, work.looking() as session:
        lead = find_lead(session, who)
        assert lead.id is not None
        card = lead_card(session, work.definitions, lead)
        score = explain(session, lead.id, now=work.now)
        sales = handoffs(session, now=work.now, lead=lead.id)
        known = _known(lead)
        grade = work.definitions.scoring.grade_of(score.fit)
        points = {"score": score.score, "behaviour": score.behaviour, "fit": score.fit,
                  "grade": grade}  # fmt: skip
        if as_json:
            own = {"tags": card.tags, "topics": card.topics, "suppressed": card.suppressed}
            standing = {"enrolments": card.enrolments, "handoffs": sales}
            return show.document(known | points | own | standing)
        show.facts(
            [
                *((name, value) for name, value in known.items() if name != "attributes"),
                *lead.attributes.items(),
                ("score", f"{score.score:.1f}"),
                ("behaviour", score.behaviour),
                ("fit", score.fit),
                ("grade", grade or ""),
                ("tags", ", ".join(card.tags)),
                ("hears about", ", ".join(name for name, yes in card.topics.items() if yes)),
                ("no mail", card.suppressed or ("" if lead.email else "it has no address")),
            ]
        )
        _places(work, card.enrolments)
        if sales:
            show.heading("With sales")
            show.table(
                ("handoff", "team", "rep", "state", "opened"),
                [(row.id, row.team, row.rep, row.state, show.when(row.opened_at, work.zone))
                 for row in sales],
            )  # fmt: skip
        show.note(f"Times in {work.zone}.")
    return None


def _known(lead: Any) -> dict[str, Any]:
    names = (
        "id", "email", "external_id", "first_name", "last_name", "company", "job_title", "phone",
        "country", "language", "timezone", "lifecycle", "attributes",
    )  # fmt: skip
    return {name: getattr(lead, name) for name in names}


def _places(work: Opened, enrolments: Any) -> None:
    show.heading("Sequences")
    show.table(
        ("sequence", "state", "stage", "stands at", "next look"),
        [
            (row.sequence, row.state, row.stage, row.step, show.when(row.due_at, work.zone))
            for row in enrolments
        ],
        empty="In no sequence yet.",
    )


@commands.command(epilog=example("nurture lead timeline id:BR-10007"))
def timeline(who: Who, workspace: Workspace = None, as_json: Json = False) -> None:
    """The lead's whole story, oldest first: what happened, what was done or not, and why."""
    from nurture.ledger import timeline as story
    from nurture.ledger.intake.leads import find_lead

    with opened(workspace) as work, work.looking() as session:
        lead = find_lead(session, who)
        assert lead.id is not None
        lines = story.timeline(session, lead.id)
        if as_json:
            return show.document({"lead": lead.email or f"id:{lead.external_id}", "lines": lines})
        show.table(
            ("when", "what", "happened", "why", "by"),
            [
                (show.when(line.at, work.zone), line.what, line.text, line.reason, line.path)
                for line in lines
            ],
            empty="Nothing has happened yet.",
        )
        show.note(f"Times in {work.zone}.")
    return None


@commands.command(
    epilog=example(
        "nurture lead explain ann@example.test",
        "nurture lead explain ann@example.test --now 2026-03-02T09:00+01:00",
    )
)
def explain(
    who: Who,
    now: Annotated[
        str,
        typer.Option("--now", metavar="INSTANT", help="As of another instant, with its zone."),
    ] = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Why the score is what it is: in sentences, and entry by entry with its worth then.

    With --now an entry counts if it was given by that instant and was not taken back since.
    """
    from nurture.ledger.intake.leads import find_lead
    from nurture.scoring import explain as scoring

    with opened(workspace, clock=clock_at(now)) as work, work.looking() as session:
        lead = find_lead(session, who)
        assert lead.id is not None
        told = scoring.explain(session, lead.id, now=work.now)
        grade = work.definitions.scoring.grade_of(told.fit)
        if as_json:
            return show.document({"score": told.score, "grade": grade, **show.plain(told)})
        graded = f", grade {grade}" if grade else ""
        show.say(
            f"Score {told.score:.1f}: behaviour {told.behaviour:.1f}, fit {told.fit:.1f}{graded}."
        )
        for sentence in told.sentences:
            show.say(f"  - {sentence}")
        for threshold in work.definitions.scoring.thresholds:
            missing = threshold.at - told.score
            said = f"{missing:.1f} points below" if missing > 0 else f"{-missing:.1f} points above"
            show.say(f"{said} {threshold.threshold} ({threshold.at:g}).")
        show.heading("Entries")
        show.table(
            ("when", "worth now", "given", "rule", "why", "by"),
            [
                (show.when(line.at, work.zone), line.worth, line.points,
                 line.rule or line.part, line.reason, line.path)
                for line in told.lines
            ],
            empty="No entries: nothing the lead did or is has points in scoring.yaml.",
            right=("worth now", "given"),
        )  # fmt: skip
        show.note(f"Times in {work.zone}.")
    return None
