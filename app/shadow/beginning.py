"""The copy of a ledger is made when a version is to run in shadow, and deleted with the last."""

from __future__ import annotations

from datetime import datetime

from app.changes.consequences import follow
from nurture.language.applied import shadows
from nurture.language.applied.versions import Applied, Change
from nurture.ledger.copies.beside import Beside
from nurture.ledger.copies.copying import copy_everything
from nurture.ledger.engine import Ledger


def settle_shadow(ledger: Ledger, *, now: datetime) -> None:
    """Afterwards there is a copy in which exactly the marked versions run, or none.

    A copy is made in one go: whoever is killed meanwhile leaves what was there before, and the next
    apply makes it.  Another marked version, or another text of one, begins with a copy anew.
    """
    place, wanted = Beside(ledger), marked(ledger)
    if wanted == begun(place):
        return
    if not wanted:
        place.drop()
        return
    with place.making() as copy, ledger.looking() as source, copy.begin() as target:
        copy_everything(source, target)
        changes = [
            Change("sequence", name, version, "changed")
            for name, version in shadows.begin(target, now=now)
        ]
        follow(target, Applied(tuple(changes), ()), now=now)


def marked(ledger: Ledger) -> dict[int, str]:
    """The versions that are to run in shadow: their numbers and sequences."""
    with ledger.looking() as session:
        return shadows.marked(session)


def begun(place: Beside) -> dict[int, str]:
    """Those that run in the copy; none when there is no copy."""
    if place.identity() is None:
        return {}
    copy = place.open()
    try:
        return marked(copy)
    finally:
        copy.close()
