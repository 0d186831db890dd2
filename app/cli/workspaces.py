"""`nurture init`, `validate` and `apply`: a workspace's files, from copy to in force."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import show
from app.cli.opening import chosen, opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nurture.language.applied.versions import Applied
    from nurture.language.text.problems import Problem

IGNORED = "# What the engine writes: ledger, mails, keys, logs.\n.nurture/\n"


def register(program: typer.Typer) -> None:
    """Add these commands to the program."""
    program.command(epilog=example("nurture init my-company"))(init)
    program.command(
        epilog=example("nurture validate", "nurture validate --workspace my-company --json")
    )(validate)
    program.command(epilog=example("nurture apply", "nurture apply --plan plan.json"))(apply)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: Json = False,
) -> None:
    """Make a workspace to start from.

    It holds sequences, scoring, two sales teams, mails, and example leads to try them with.
    """
    place = folder.expanduser().resolve()
    _refuse_used(place)
    starter = resources.files("templates") / "workspace"
    with resources.as_file(starter) as source:
        shutil.copytree(source, place, dirs_exist_ok=True)
    ignore = place / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")
    from app.cli.schema import write_schemas
    from app.settings import read_settings
    from app.wiring import create_ledger

    create_ledger(place, read_settings())
    write_schemas(place)
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    files = [name for name in files if not name.startswith(".")]
    if as_json:
        return show.document({"workspace": place, "files": files})
    show.say(f"{show.path(place)} holds {len(files)} files now. Go on with:")
    show.say(f"  cd {show.path(place)}")
    for line in ("validate", "apply", "leads import leads.csv", "up"):
        show.say(f"  nurture {line}")
    return None


def _refuse_used(place: Path) -> None:
    from nurture.ledger.errors import InputRefused

    if place.exists() and not place.is_dir():
        raise InputRefused(f"{place} is a file: name a new folder.")
    if place.is_dir() and any(not each.name.startswith(".git") for each in place.iterdir()):
        raise InputRefused(
            f"{place} is not empty, and nothing in it will be overwritten: name a new folder."
        )


def validate(
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings too, as CI may want.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Name every problem in the workspace's files, all at once.

    Errors keep a file from being applied, warnings are advice.
    """
    from app.settings import read_settings
    from app.wiring import workspace_folder
    from nurture.delivery.mails.trial import trial
    from nurture.language.checks.validate import validate as check

    checked = check(workspace_folder(chosen(workspace, read_settings())), trial)
    files, problems = checked.files, checked.problems
    errors = [problem for problem in problems if problem.severity == "error"]
    if as_json:
        show.document(
            {
                "valid": not errors,
                "files": len(files),
                "problems": [problem.as_dict() for problem in problems],
            }
        )
    else:
        _tell(problems)
        said = f"{_many(len(errors), 'error')}, {_many(len(problems) - len(errors), 'warning')}"
        show.say(f"{_many(len(files), 'file')} read: {said if problems else 'all is well.'}")
    if errors or (strict and problems):
        raise typer.Exit(1)


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        show.say(str(problem))


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def apply(
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Only if this plan of `nurture plan -o` still holds.",
            show_default=False,
        ),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Put the workspace's files in force.

    Running enrolments keep the version they began with, unless the sequence's `edits` say
    otherwise.  A sequence or mail with errors is left as it was, everything else goes in.
    """
    from app.changes.applying import apply_workspace
    from app.cli.planning import mark_in
    from nurture.ledger.schema import check_unless_empty
    from nurture.webhooks.port import wanting

    mark = mark_in(plan) if plan is not None else None
    with opened(workspace, need_schema=False) as work:
        check_unless_empty(work.runtime.ledger)
        applied = apply_workspace(work.runtime.ledger, work.folder, now=work.now, mark=mark)
        wants = "" if applied.refused else wanting(work.runtime.caller, work.definitions)
    if as_json:
        show.document(_document(applied))
    else:
        _tell(applied.problems)
        changed = [change for change in applied.changes if change.status != "same"]
        if applied.refused:
            show.say("Nothing was applied: correct the errors above first.")
        else:
            show.table(
                ("what", "name", "version", "status"),
                [(each.kind, each.name, each.version, each.status) for each in changed],
                empty="Nothing to apply: everything is in force already.",
                right=("version",),
            )
            if wants:
                show.note(f"Note: {wants}.")
    if applied.refused or applied.errors:
        raise typer.Exit(1)


def _document(applied: Applied) -> dict[str, Any]:
    return {
        "refused": applied.refused,
        "changes": show.plain(applied.changes),
        "problems": [problem.as_dict() for problem in applied.problems],
    }
