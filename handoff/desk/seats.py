"""Who somebody in sales is, by the applied handoff.yaml, and what that lets them see and do.

    as       of which handoffs                         may
    owner    the rep has them                          answer in every way, give them on
    taker    they wait in the queue of an own team     accept
    manager  of an own team, while they are open       give

Others are none of theirs: what a seat may not see looks as if it were not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from handoff.standing import Standing
from handoff.tables import OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.teams import Person, RepModel
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused


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
