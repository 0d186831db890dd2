"""Who somebody in sales is, by the applied handoff.yaml, and what that lets them see and do.

    as       of which handoffs                         may
    owner    the rep has them                          answer in every way, give them on
    taker    they wait in the queue of an own team     accept
    manager  of an own team, while they are open       give

Others are none of theirs: what a seat may not see looks as if it were not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from handoff import wording
from handoff.standing import Standing
from handoff.tables import OPEN
from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.teams import Person, RepModel
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused, InputRefused


@dataclass(frozen=True)
class Seat:
    """What one address is: `reps` of these names, in `teams`, and manager of those in `managed`.

    `key` is its one spelling, `email` the one that is written to.
    """

    key: str
    email: str
    name: str
    reps: tuple[str, ...]
    teams: tuple[str, ...]
    managed: tuple[str, ...]

    def roles(self, found: Standing) -> frozenset[str]:
        """What the seat is to a handoff; nothing for one it may not see."""
        open_ = found.state in OPEN
        holds = {
            "owner": found.rep != "" and found.rep in self.reps,
            "taker": open_ and not found.rep and found.team in self.teams,
            "manager": found.team in self.managed,
        }
        return frozenset(role for role, held in holds.items() if held)

    def speaks_as(self, found: Standing) -> str:
        """Under which name the seat answers: the rep who has the lead or takes it, else its own."""
        roles = self.roles(found)
        if "owner" in roles:
            return found.rep
        return self.reps[0] if "taker" in roles else self.name


def seat_of(definitions: Definitions, email: str) -> Seat | None:
    """The seat of an address, None when nobody of the applied handoff.yaml has it."""
    try:
        return _seats(definitions).get(normal_address(email).key)
    except AddressRefused:
        return None


def seat_named(definitions: Definitions, who: str) -> Seat:
    """The seat of a rep's name or of an address; raises InputRefused, with the nearest.

    A full name finds nobody, for two may share it, but is near to whose it is.
    """
    teams = definitions.handoff.teams.values() if definitions.handoff else ()
    reps = {rep.rep: rep for team in teams for rep in team.reps}
    seat = seat_of(definitions, reps[who].email if who in reps else who)
    if seat is not None:
        return seat
    people: list[Person | RepModel] = [*(team.manager for team in teams), *reps.values()]
    meant = {spelling: each.email for each in people for spelling in (each.name, each.email)}
    meant |= {rep.name: name for name, rep in reps.items()} | {name: name for name in reps}
    said = wording.one_line(who)[:80]
    raise InputRefused(f"Nobody of handoff.yaml is {said!r}.{suggestion(who, meant)}")


def speaker(definitions: Definitions, who: str) -> str:
    """Under which name somebody answers who was named as `seat_named` has it: that of a rep, or a
    manager's own; '' for nobody named."""
    if not who:
        return ""
    seat = seat_named(definitions, who)
    return who if who in seat.reps else (*seat.reps, seat.name)[0]


@once
def _seats(definitions: Definitions) -> dict[str, Seat]:
    """Every seat by the key of its address."""
    found: dict[str, dict[str, list[str]]] = {}

    def add(person: Person | RepModel, **what: str) -> None:
        address = normal_address(person.email)
        said = {"email": address.text, "name": person.name, **what}
        seat = found.setdefault(address.key, {kind: [] for kind in _KINDS})
        for kind, value in said.items():
            if value not in seat[kind]:
                seat[kind].append(value)

    for name, team in definitions.handoff.teams.items() if definitions.handoff else ():
        for rep in team.reps:
            add(rep, reps=rep.rep, teams=name)
        add(team.manager, managed=name)
    return {
        key: Seat(
            key, said["email"][0], said["name"][0], tuple(said["reps"]), tuple(said["teams"]),
            tuple(said["managed"]),
        )
        for key, said in found.items()
    }  # fmt: skip


_KINDS = ("email", "name", "reps", "teams", "managed")
