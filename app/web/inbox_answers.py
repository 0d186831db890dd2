"""The answers of the inbox: who may give which, and how a form becomes one.

The nonce of a form names the session, the handoff and the generation its page showed.  So whoever
comes second hears what was decided meanwhile, also about a lead that is not theirs any more; and
nobody learns anything about a handoff whose page they were never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.web import forms
from app.web.handoffs import HOW, minutes, noted
from app.web.inbox_view import ANSWER
from app.web.site import Site
from app.web.visitors import Visitor
from handoff import standing
from handoff.answering import answers, outcomes
from handoff.answering.deciding import Answer
from handoff.standing import Standing
from handoff.tables import OPEN
from nurture.calendar.zones import local_instant
from nurture.language.files.handoff import of
from nurture.ledger.errors import Conflict, InputRefused, NotFound

MORNING = 9 * 60
"""A wait is over at nine, in the rep's zone."""


@dataclass(frozen=True)
class Said:
    """An answer as it was posted: about which handoff, by whom, and everything in its form."""

    session: Session
    who: Visitor
    found: Standing
    form: Mapping[str, str]
    generation: int
    now: datetime

    def give(self, answer: Callable[..., Answer], **more: Any) -> Answer:
        """The answer, to what the page showed, in the name of who gives it."""
        return answer(
            self.session, self.who.definitions, self.found.handoff,
            by=self.who.seat.speaks_as(self.found), generation=self.generation, now=self.now,
            **more,
        )  # fmt: skip

    def field(self, name: str) -> str:
        return self.form.get(name, "").strip()

    @property
    def reason(self) -> str:
        """The reason that was chosen, and what was written beside it."""
        return noted(self.field("reason"), self.field("note"))


def give_answer(
    site: Site, session: Session, who: Visitor, number: int, verb: str, form: Mapping[str, str]
) -> Answer:
    """Answer for whoever is signed in.

    NotFound for a handoff, or an answer, that is none of theirs; InputRefused for a form that says
    too little or is too old; Conflict when somebody was faster.  All of them change nothing.
    """
    now, found = site.now, standing.of(session, number)
    generation = _number(form.get("generation", ""))
    mark, about = form.get("nonce", ""), (who.signed.number, number, generation)
    shown = forms.fits(site, mark, ANSWER, *about, now=now)
    if verb not in VERBS:
        raise NotFound
    roles, take = VERBS[verb]
    if not who.seat.roles(found) & roles:
        moved = generation < found.generation or found.state not in OPEN
        if not (shown and moved):
            raise NotFound
        if verb != "accept" or found.state not in OPEN:  # an accept that is too late is noted
            raise Conflict(standing.already(session, who.definitions, number))
    elif not shown:
        raise InputRefused("This page was open for too long. Nothing was changed: answer again.")
    return take(Said(session, who, found, form, generation, now))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _touch(said: Said) -> Answer:
    how = noted(HOW.get(said.field("by"), ""), said.field("note"))
    return said.give(answers.touch, how=how)


def _give(said: Said) -> Answer:
    rules, to = said.who.definitions.handoff, said.field("to")
    team = rules.teams.get(said.found.team) if rules else None
    if team is None or to not in of(team):
        raise InputRefused("Choose who of the team gets the lead.")
    return said.give(answers.give, to=to)


def _snooze(said: Said) -> Answer:
    return said.give(answers.snooze, length=minutes(said.field("minutes")))


def _pause(said: Said) -> Answer:
    zone = zone_of(said.who, said.found)
    until = morning(said.field("until"), said.field("date"), zone, now=said.now)
    return said.give(answers.pause, until=until, reason=said.field("note"))


def _outcome(result: str) -> Callable[[Said], Answer]:
    def tell(said: Said) -> Answer:
        worth = amount(said.field("amount"))
        return said.give(outcomes.outcome, result=result, amount=worth, reason=said.reason)

    return tell


_OWNER = frozenset(("owner",))
VERBS: Mapping[str, tuple[frozenset[str], Callable[[Said], Answer]]] = {
    "accept": (frozenset(("owner", "taker")), lambda said: said.give(answers.accept)),
    "touch": (_OWNER, _touch),
    "reject": (_OWNER, lambda said: said.give(answers.reject, reason=said.reason)),
    "recycle": (_OWNER, lambda said: said.give(answers.recycle, reason=said.reason)),
    "give": (frozenset(("owner", "manager")), _give),
    "pause": (_OWNER, _pause),
    "snooze": (_OWNER, _snooze),
    "resume": (_OWNER, lambda said: said.give(answers.resume)),
    **{result: (_OWNER, _outcome(result)) for result in outcomes.OUTCOMES},
}
"""Every answer: as what one may give it, and how it is given."""


def zone_of(who: Visitor, found: Standing) -> str:
    """The zone of whoever has the lead, else of its team."""
    rules = who.definitions.handoff
    team = rules.teams.get(found.team) if rules else None
    own = next((rep.zone for rep in team.reps if rep.rep == found.rep), None) if team else None
    return own or (team.zone if team else who.definitions.workspace.zone)


def morning(until: str, date: str, zone: str, *, now: datetime) -> datetime:
    """Nine o'clock of the day that was chosen: `tomorrow`, in `3 days`, a `week`, or a `date`."""
    place = ZoneInfo(zone)
    today = now.astimezone(place).date()
    ahead = {"tomorrow": 1, "3 days": 3, "week": 7}.get(until)
    try:
        day = datetime.fromisoformat(date).date() if ahead is None else today + timedelta(ahead)
        return local_instant(day, MORNING, place)
    except (ValueError, OverflowError):
        raise InputRefused("Say until when: choose a day that is still to come.") from None


def amount(text: str) -> float | None:
    """A sum as people type it: `12000`, `12,000`, `12 000.50`; None for nothing."""
    bare = text.replace(" ", "").replace("\u00a0", "").replace(",", "")
    if not bare:
        return None
    try:
        return float(bare)
    except ValueError:
        raise InputRefused(
            f"{text[:40]!r} is no amount: write digits, as in 12000 or 12000.50."
        ) from None
