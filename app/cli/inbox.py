"""`nurture inbox REP`: a link that signs somebody of sales in, for whoever has this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog=example("nurture inbox bo", "nurture inbox dana.ruiz@example.test"))(
        inbox
    )


def inbox(
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="A rep's name, or an address of handoff.yaml.")
    ],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Print a link to somebody's leads: it works once, for 15 minutes, in any browser.

    Whoever opens it acts as that person: reps and managers sign in themselves, by a mailed link.
    """
    from handoff.desk.seats import seat_named
    from nurture.ledger.access import signing_in

    with opened(workspace) as work:
        seat = seat_named(work.definitions, who)
        with work.writing() as session:
            token = signing_in.make_link(session, seat.key, now=work.now)
        base = work.definitions.workspace.base_url.rstrip("/")
        expires = work.now + signing_in.LINK_LIVES
        if as_json:
            url = f"{base}/sign-in/{token}"
            return show.document({"url": url, "email": seat.email, "expires_at": expires})
        show.say(f"{base}/sign-in/{token}")
        show.note(f"Signs in as {seat.name}, once, until {show.when(expires, work.zone)} in "
                  f"{work.zone}. nurture up has to run.")  # fmt: skip
    return None
