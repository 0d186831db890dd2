"""`nurture tokens …`: who may send engagements in, and see or do more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

commands = typer.Typer(no_args_is_help=True, help="API tokens: create, list, revoke.")


@commands.command(
    epilog=example("nurture tokens create website", "nurture tokens create crm --scope sales")
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what uses it.")],
    scope: Annotated[
        str, typer.Option("--scope", help="ingest, read, sales, operate or admin.")
    ] = "ingest",
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=3650, help="For so long.", show_default="for ever"),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Make a token and show it: this once and never again."""
    from nurture.ledger.access.tokens import create_token

    with opened(workspace) as work:
        expires = None if days is None else work.now + timedelta(days=days)
        with work.writing() as session:
            token = create_token(session, name=name, scope=scope, now=work.now, expires_at=expires)
        if as_json:
            show.document({"token": token, "name": name, "scope": scope, "expires_at": expires})
        else:
            show.say(token)
            show.note("Keep it now: it is shown only this once. Send it as Authorization: Bearer …")


@commands.command("list", epilog=example("nurture tokens list"))
def list_(workspace: Workspace = None, as_json: Json = False) -> None:
    """Every token by its first letters, with its scope and when it was used last."""
    from nurture.ledger.access.tokens import list_tokens

    with opened(workspace) as work, work.looking() as session:
        rows = list_tokens(session)
        if as_json:
            return show.document({"tokens": [_plain(row, work.now) for row in rows]})
        show.table(
            ("token", "name", "scope", "created", "used", "state"),
            [
                (f"{row.prefix}_…", row.name, row.scope, show.when(row.created_at, work.zone),
                 show.when(row.used_at, work.zone), _state(row, work.now))
                for row in rows
            ],
            empty="No tokens.",
        )  # fmt: skip
    return None


def _state(row: Any, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return "valid"


def _plain(row: Any, now: datetime) -> dict[str, Any]:
    names = ("prefix", "name", "scope", "created_at", "expires_at", "used_at", "revoked_at")
    return {name: getattr(row, name) for name in names} | {"state": _state(row, now)}


@commands.command(epilog=example("nurture tokens revoke k3v9x2ab"))
def revoke(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token, or its first eight letters.")
    ],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """From now on the token opens nothing."""
    from nurture.ledger.access.tokens import revoke_token

    prefix = token.partition("_")[0]
    with opened(workspace) as work:
        with work.writing() as session:
            new = revoke_token(session, prefix, now=work.now)
        if as_json:
            show.document({"token": prefix, "state": "revoked", "changed": new})
        else:
            show.say(f"{prefix} is revoked." if new else f"{prefix} was revoked already.")
