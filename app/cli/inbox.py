"""`nurture inbox REP`: a link that signs somebody of sales in, for whoever has this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import show
from app.cli.opening import opened
from app.cli.options import Json, Workspace, example

if TYPE_CHECKING:
    from handoff.desk.seats import Seat
    from nurture.language.compiled.definitions import Definitions


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
    from nurture.ledger.access import signing_in

    with opened(workspace) as work:
        seat = _seat(work.definitions, who)
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


def _seat(definitions: Definitions, who: str) -> Seat:
    from handoff.desk.seats import seat_of
    from nurture.calendar.nearest import suggestion
    from nurture.ledger.errors import NotFound

    teams = definitions.handoff.teams.values() if definitions.handoff else ()
    addresses = {rep.rep: rep.email for team in teams for rep in team.reps}
    seat = seat_of(definitions, addresses.get(who, who))
    if seat is None:
        known = [*addresses, *addresses.values(), *(team.manager.email for team in teams)]
        raise NotFound(f"Nobody of handoff.yaml is {who!r}.{suggestion(who, known)}")
    return seat
