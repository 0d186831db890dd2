"""Random histories of a few leads, played through whole ticks.

A history is a list of deeds, each some minutes after the one before: engagements (late, out of
order, told twice, taken back), opt-outs and bounces, answers of sales, edits of leads, ticks at
random instants, ticks of a second process between or beside them, ticks that die in the middle of
a pass.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from sqlalchemy import select

from flows import work
from flows.tick import Outcome, run_tick, ticks
from nurture.ledger.errors import NurtureError
from tests.properties import invariants
from tests.properties.rows import ENGAGEMENT, ENROLMENT, ENTRY, FOLLOW_UP, scores
from tests.properties.sequences import BACK, FLOW, ORDERS, OUTCOMES, SLOW
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, MAIL, SCORING, WORKSPACE

NAMES = ("ann", "bob", "cid")
ZONES = {"ann": "Europe/Berlin", "bob": "America/New_York", "cid": None}
LOCAL = {n: ZONES[name] or "Europe/Berlin" for n, name in enumerate(NAMES, start=1)}
KINDS = ("form_submitted", "poked", *["page_viewed"] * 3, "demo_booked", "ordered")
ANSWERS: dict[str, tuple[str, dict[str, str]]] = {
    "reject": ("reject", {"reason": "bad timing"}),
    "wrong": ("reject", {"reason": "wrong contact"}),
    "won": ("outcome", {"result": "won"}),
    "lost": ("outcome", {"result": "lost", "reason": "bad timing"}),
}
STOPS = ("email_bounced", "email_complained", "unsubscribed")
PASSES = ("rescore", "leave", "enrol", "advance", "open_handoffs", "assign", "climb", "deliver")
FRAGILE = MAIL.replace("</p>", " {{{{ 100 // lead.score_hint }}}}</p>")
"""A mail that cannot be written to a lead whose `score_hint` is 0."""


@dataclass(frozen=True)
class Deed:
    """Something that happens `after` minutes after the deed before."""

    kind: str
    after: int
    name: str = "ann"
    what: Any = None
    ago: int = 0
    times: int = 1


some, soon = st.sampled_from(NAMES), st.integers(0, 600)
ticking = st.builds(Deed, st.just("tick"), st.sampled_from([0, 1, 15, 240, 1440, 4000]))
deeds = st.one_of(
    st.builds(
        Deed, st.just("event"), soon, some, st.sampled_from(KINDS),
        st.sampled_from([0, 0, 0, 30, 2000]), st.integers(1, 2),
    ),
    ticking,
    ticking,
    st.builds(Deed, st.sampled_from(["twice", "withdraw", "opt_out", "customer"]), soon, some),
    st.builds(Deed, st.just("stop"), soon, some, st.sampled_from(STOPS)),
    st.builds(
        Deed, st.just("sales"), soon, some,
        st.sampled_from(["accept", "touch", "reject", "wrong", "won", "lost"]),
    ),
    st.builds(
        Deed, st.just("crash"), st.sampled_from([0, 15, 300]), what=st.sampled_from(PASSES)
    ),
    st.builds(Deed, st.sampled_from(["other", "both"]), st.sampled_from([0, 5, 300])),
)  # fmt: skip
histories = st.lists(deeds, min_size=8, max_size=30)


def _raising(what: type[BaseException]) -> Callable[[Any], Any]:
    """What makes of a pass one that does its work and does not come to its commit."""

    def dying(verb: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **values: Any) -> Any:
            verb(*args, **values)
            raise what

        return run

    return dying


class Died(Exception):
    """A pass that fails: the tick goes on without it."""


class Ended(BaseException):
    """A process that ends in the middle of a pass: nothing comes after it."""


@dataclass
class History:
    """Plays deeds and remembers what the rows cannot say by themselves."""

    play: Play
    keys: list[tuple[str, str]] = field(default_factory=list)
    stopped: dict[int, datetime] = field(default_factory=dict)

    def begin(self, *, spoilt: str = "") -> None:
        """Everybody is known and has sent the form, and one of them looks at prices and orders.

        `spoilt`: whom one mail fails for.
        """
        self.play.now = at("03-02 08:00")
        caps = WORKSPACE + "caps: {per_day: 1, per_week: 3, minimum_gap: 18 hours}\n"
        self.play.write("templates/tips.html", FRAGILE.format(name="tips"))
        self.play.apply(
            FLOW, SLOW, ORDERS, BACK, nurture=caps, scoring=SCORING, handoff=HANDOFF + OUTCOMES
        )
        with self.play.at_once():
            for name in NAMES:
                hint = {"score_hint": int(name != spoilt)}
                self.play.lead(name, zone=ZONES[name], attributes=hint)
                self.play.event(name, "form_submitted")
            for _ in range(2):
                self.play.event("ann", "page_viewed")
            self.play.event("ann", "ordered", order_id="0")
        self.play.now += timedelta(hours=1)
        self.tick()

    def do(self, deed: Deed) -> None:
        self.play.now += timedelta(minutes=deed.after)
        getattr(self, f"_{deed.kind}")(deed)

    def check(self) -> None:
        invariants.at_any_time(self.play, stopped=self.stopped, zones=LOCAL)

    def _event(self, deed: Deed) -> None:
        when = self.play.now - timedelta(minutes=deed.ago)
        said = {}
        if deed.what == "ordered":
            due = when + timedelta(minutes=7 * deed.after)
            said = {"order_id": str(deed.after % 3), "due": due.isoformat()}
        for _ in range(deed.times):
            key = self.play.event(deed.name, deed.what, when, **said)
            self.keys.append((deed.name, key))

    def _twice(self, deed: Deed) -> None:
        for name, key in self.keys[-1:]:
            self.play.retell(name, "poked", None, key)

    def _withdraw(self, deed: Deed) -> None:
        """An engagement is taken back: its lead's score falls by exactly what it was worth."""
        for _, key in self.keys[deed.after % max(1, len(self.keys)) :][:1]:
            now = self.play.now
            gave = (
                select(ENTRY.c.id)
                .join(ENGAGEMENT, ENGAGEMENT.c.id == ENTRY.c.engagement_id)
                .where(ENGAGEMENT.c.key == key)
            )
            before, own = scores(self.play, now), scores(self.play, now, only=gave)
            self.play.withdraw(key)
            after = scores(self.play, now)
            for lead, score in before.items():
                assert abs(score - own[lead] - after[lead]) < 1e-6

    def _opt_out(self, deed: Deed) -> None:
        self.play.opt_out(deed.name)
        self._stopped(deed.name)

    def _stop(self, deed: Deed) -> None:
        """Another system tells of it; it counts when it was recorded."""
        self.play.event(deed.name, deed.what)
        self._stopped(deed.name)

    def _stopped(self, name: str) -> None:
        self.stopped.setdefault(self.play.lead_row(name).id or 0, self.play.now)

    def _customer(self, deed: Deed) -> None:
        self.play.change(deed.name, "lifecycle", "customer")

    def _sales(self, deed: Deed) -> None:
        answer, values = ANSWERS.get(deed.what, (deed.what, {}))
        with contextlib.suppress(AssertionError, NurtureError):  # not offered, decided before
            self.play.sales(deed.name, answer, **values)
            if deed.what == "wrong":
                self._stopped(deed.name)

    def _tick(self, deed: Deed) -> None:
        self.tick()

    def tick(self) -> Outcome:
        outcome = self.play.tick()
        assert outcome.next_due is None or outcome.next_due > self.play.now, "due for ever"
        invariants.after_a_tick(self.play)
        return outcome

    def _other(self, deed: Deed) -> None:
        """A second process takes its tick between two passes of the first."""
        inner: list[bool] = []

        def between(verb: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **values: Any) -> Any:
                if not inner:
                    inner.append(True)
                    assert self._second().tick().busy
                return verb(*args, **values)

            return run

        self._with(between, "rescore", "leave")

    def _crash(self, deed: Deed) -> None:
        """A pass dies after its work and before its commit; the next tick goes on."""
        self._with(_raising(Died), deed.what)

    def _end(self, deed: Deed) -> None:
        """The whole process does; the mail server has what `deliver` gave it."""
        with contextlib.suppress(Ended):
            self._with(_raising(Ended), deed.what)

    def _with(self, change: Callable[[Any], Any], *names: str) -> Outcome:
        with contextlib.ExitStack() as changed:
            for name in names:
                changed.enter_context(patch.object(work, name, change(getattr(work, name))))
            return run_tick(self.play.runtime(), now=self.play.now)

    def _second(self) -> Play:
        return Play(self.play.ledger, self.play.folder, self.play.now, "second", plain=False)

    def _both(self, deed: Deed) -> None:
        """Two processes tick at once, as after a lease that ended while its owner was alive."""
        with patch.object(ticks, "take_turn", lambda *_, **__: True):
            self.both()

    def both(self) -> None:
        """Two processes tick at one instant.

        What one of them fails at (on PostgreSQL two may meet in one row), or leaves to the other,
        the next tick makes up for.
        """
        start = threading.Barrier(2)

        def one(play: Play) -> None:
            runtime = play.runtime()
            start.wait(timeout=30)
            run_tick(runtime, now=play.now)

        threads = [threading.Thread(target=one, args=(p,)) for p in (self.play, self._second())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        self.tick()

    def settle_down(self, *, days: int = 40) -> None:
        """Tick on until nothing is on its way; fails if something waits for ever."""
        play = self.play
        end = play.now + timedelta(days=days)
        while play.now < end:
            active = select(ENROLMENT.c.id).where(ENROLMENT.c.state == "active").limit(1)
            planned = select(FOLLOW_UP.c.id).where(FOLLOW_UP.c.state == "waiting").limit(1)
            if not play.rows(active) and not play.rows(planned):
                return
            outcome = self.tick()
            assert outcome.next_due is not None, "somebody waits, and nothing is due"
            play.now = outcome.next_due
        raise AssertionError("somebody is still on the way")
