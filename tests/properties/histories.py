"""Random histories of a few leads, and the invariants every one of them must keep.

A history is a list of deeds, each some minutes after the one before: engagements (late, out of
order, told twice, taken back), opt-outs, answers of sales, edits of leads, ticks at random
instants, ticks of a second process, ticks that die in the middle of a pass.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from sqlalchemy import select

from flows import work
from flows.tick import Outcome, run_tick
from nurture.ledger import tables as t
from nurture.ledger.errors import NurtureError
from nurture.ledger.upsert import table_of
from nurture.ledger.worth import score_of
from tests.sequences.play import HANDOFF, SCORING, WORKSPACE, Play, at

NAMES = ("ann", "bob", "cid")
ZONES = {"ann": "Europe/Berlin", "bob": "America/New_York", "cid": None}
KINDS = ("form_submitted", "poked", "page_viewed", "demo_booked", "ordered")
PASSES = ("rescore", "leave", "enrol", "advance", "open_handoffs", "assign", "climb", "deliver")
MESSAGE, ENROLMENT, EPISODE, HANDED, RUNG, CLOCK, ENTRY, LEAD, SUPPRESSION = (
    table_of(model)
    for model in (
        t.Message, t.Enrolment, t.Episode, t.Handoff, t.Rung, t.Clock, t.ScoreEntry, t.Lead,
        t.Suppression,
    )
)  # fmt: skip

FLOW = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}, again: after 2 days}
exit: [{when: {lifecycle: customer}, reason: a customer}]
goal: {event: demo_booked}
timing: {zone: lead, window: {calendar: office}, late: {send_within: 20 hours, otherwise: skip}}
stages:
  - stage: first
    steps:
      - send: welcome
      - wait_for: {event: poked}
        within: 1 day
        then: [{score: {points: 12, half_life: 3 days}}]
        otherwise: [{send: tips}]
      - wait: 2 business hours
  - stage: second
    gate: {when: {score: {at_least: 25}}, within: 2 days, otherwise: [{start: slow}]}
    steps:
      - branch:
          - {when: {score: {at_least: 50}}, steps: [{hand_off: smb}]}
          - {otherwise: [{send: offer}]}
"""
SLOW = """
sequence: slow
topic: tips
enter: {segment: {lifecycle: recycled}, again: after 3 days}
exit: [{when: {not: {score: {at_least: -10}}}, reason: cold}]
stages:
  - stage: only
    steps: [{send: news}, {update: {add_tags: [slow]}}, {wait: 1 day}, {send: tips}]
"""
ORDERS = """
sequence: orders
topic: offers
enter: {when: {event: ordered}, once_per: order_id, again: always}
stages:
  - stage: only
    steps: [{score: 1}, {update: {add_tags: [buyer]}}, {wait: 6 hours}, {send: offer}]
"""


@dataclass(frozen=True)
class Deed:
    """Something that happens `after` minutes after the deed before."""

    kind: str
    after: int
    name: str = "ann"
    what: Any = None
    ago: int = 0


deeds = st.one_of(
    st.builds(
        Deed, st.just("event"), st.integers(0, 600), st.sampled_from(NAMES),
        st.sampled_from(KINDS), st.sampled_from([0, 0, 0, 30, 2000]),
    ),
    st.builds(Deed, st.just("tick"), st.sampled_from([0, 1, 15, 240, 1440, 4000])),
    st.builds(Deed, st.just("tick"), st.sampled_from([0, 1, 15, 240, 1440, 4000])),
    st.builds(
        Deed, st.sampled_from(["twice", "withdraw", "opt_out", "customer"]), st.integers(0, 600),
        st.sampled_from(NAMES),
    ),
    st.builds(
        Deed, st.just("sales"), st.integers(0, 600), st.sampled_from(NAMES),
        st.sampled_from(["accept", "touch", "reject", "won", "lost"]),
    ),
    st.builds(
        Deed, st.just("crash"), st.sampled_from([0, 15, 300]), what=st.sampled_from(PASSES)
    ),
    st.builds(Deed, st.just("other"), st.sampled_from([0, 5, 300])),
)  # fmt: skip
histories = st.lists(deeds, min_size=8, max_size=30)


class Died(Exception):
    """A process that ends in the middle of a pass."""


@dataclass
class History:
    """Plays deeds and remembers what the rows cannot say by themselves."""

    play: Play
    keys: list[tuple[str, str]] = field(default_factory=list)
    stopped: dict[int, datetime] = field(default_factory=dict)

    def begin(self) -> None:
        caps = WORKSPACE + "caps: {per_day: 1}\n"
        recycle = HANDOFF + "recycle: {sequence: slow, reasons: [bad timing]}\n"
        self.play.apply(FLOW, SLOW, ORDERS, nurture=caps, scoring=SCORING, handoff=recycle)
        for name in NAMES:
            self.play.lead(name, zone=ZONES[name])

    def do(self, deed: Deed) -> None:
        self.play.now += timedelta(minutes=deed.after)
        getattr(self, f"_{deed.kind}")(deed)

    def _event(self, deed: Deed) -> None:
        when = self.play.now - timedelta(minutes=deed.ago)
        said = {"order_id": str(deed.after % 3)} if deed.what == "ordered" else {}
        key = self.play.event(deed.name, deed.what, when, **said)
        self.keys.append((deed.name, key))

    def _twice(self, deed: Deed) -> None:
        for name, key in self.keys[-1:]:
            self.play.retell(name, "poked", None, key)

    def _withdraw(self, deed: Deed) -> None:
        for _, key in self.keys[-1:]:
            self.play.withdraw(key)

    def _opt_out(self, deed: Deed) -> None:
        self.play.opt_out(deed.name)
        self.stopped.setdefault(self.play.lead_row(deed.name).id or 0, self.play.now)

    def _customer(self, deed: Deed) -> None:
        self.play.change(deed.name, "lifecycle", "customer")

    def _sales(self, deed: Deed) -> None:
        values = {"reason": "bad timing"} if deed.what in ("reject", "lost") else {}
        answer = "outcome" if deed.what in ("won", "lost") else deed.what
        if answer == "outcome":
            values["result"] = deed.what
        with contextlib.suppress(AssertionError, NurtureError):  # not offered, decided before
            self.play.sales(deed.name, answer, **values)

    def _tick(self, deed: Deed) -> None:
        outcome = self.play.tick()
        assert outcome.next_due is None or outcome.next_due > self.play.now, "due for ever"

    def _other(self, deed: Deed) -> None:
        """A second process takes its tick between two passes of the first."""
        play, inner = self.play, []

        def between(verb: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **values: Any) -> Any:
                if not inner:
                    inner.append(True)
                    second = Play(play.ledger, play.folder, play.now, "second", plain=False)
                    assert second.tick().busy
                return verb(*args, **values)

            return run

        self._with(between, "rescore", "leave")

    def _crash(self, deed: Deed) -> None:
        """A pass dies after its work and before its commit; the next tick goes on."""

        def dying(verb: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **values: Any) -> Any:
                verb(*args, **values)
                raise Died

            return run

        self._with(dying, deed.what)

    def _with(self, change: Callable[[Any], Any], *names: str) -> Outcome:
        before = {name: getattr(work, name) for name in names}
        try:
            for name, verb in before.items():
                setattr(work, name, change(verb))
            return run_tick(self.play.runtime(), now=self.play.now)
        finally:
            for name, verb in before.items():
                setattr(work, name, verb)

    # -- what must hold

    def check(self) -> None:
        for invariant in (
            self.nothing_after_a_stop, self.once_a_step_and_day, self.active_once,
            self.scores_add_up, self.one_handoff_a_crossing, self.rungs_fire_once,
            self.none_with_sales,
        ):  # fmt: skip
            invariant()

    def nothing_after_a_stop(self) -> None:
        for lead, when in self.stopped.items():
            later = select(MESSAGE.c.id).where(
                MESSAGE.c.lead_id == lead, MESSAGE.c.kind == "nurture", MESSAGE.c.handed_at > when
            )
            assert self.play.rows(later) == []

    def once_a_step_and_day(self) -> None:
        sent = select(
            MESSAGE.c.enrolment_id, MESSAGE.c.step, MESSAGE.c.lead_id, MESSAGE.c.handed_at
        )
        rows = self.play.rows(sent.where(MESSAGE.c.kind == "nurture", MESSAGE.c.state == "sent"))
        steps = Counter((enrolment, step) for enrolment, step, _, _ in rows)
        assert not [key for key, times in steps.items() if times > 1]
        place = {n: ZoneInfo(ZONES[NAMES[n - 1]] or "Europe/Berlin") for n in (1, 2, 3)}
        days = Counter((lead, when.astimezone(place[lead]).date()) for _, _, lead, when in rows)
        assert not [day for day, times in days.items() if times > 1]

    def active_once(self) -> None:
        column = ENROLMENT.c
        rows = self.play.rows(
            select(column.lead_id, column.sequence, column.key).where(column.state == "active")
        )
        assert len(rows) == len(set(rows))

    def scores_add_up(self) -> None:
        now = self.play.now
        engine = self.play.rows(select(LEAD.c.id, score_of(LEAD.c.id, now=now)))
        entries = self.play.rows(
            select(ENTRY.c.lead_id, ENTRY.c.points, ENTRY.c.half_life, ENTRY.c.at)
            .where(ENTRY.c.withdrawn_at.is_(None), ENTRY.c.at <= now)
        )  # fmt: skip
        own: dict[int, float] = defaultdict(float)
        for lead, points, half_life, since in entries:
            fades = 1.0 if half_life is None else 2 ** (-(now - since) / half_life)
            own[lead] += points * fades
        for lead, score in engine:
            assert abs(score - own[lead]) < 1e-6
        withdrawn = table_of(t.Engagement)
        held = select(ENTRY.c.id).join(withdrawn, withdrawn.c.id == ENTRY.c.engagement_id).where(
            withdrawn.c.withdrawn_at.is_not(None), ENTRY.c.withdrawn_at.is_(None)
        )  # fmt: skip
        assert self.play.rows(held) == []

    def one_handoff_a_crossing(self) -> None:
        column = EPISODE.c
        rows = self.play.rows(
            select(column.lead_id, column.cause).where(column.closed_at.is_(None))
        )
        assert len(rows) == len(set(rows))
        offered = [number for (number,) in self.play.rows(select(HANDED.c.episode_id))]
        assert len(offered) == len(set(offered))

    def rungs_fire_once(self) -> None:
        rows = self.play.rows(
            select(RUNG.c.clock_id, RUNG.c.rung, RUNG.c.repetition, RUNG.c.due_at,
                   RUNG.c.fired_at, CLOCK.c.met_at)
            .join(CLOCK, CLOCK.c.id == RUNG.c.clock_id)
            .where(RUNG.c.state == "fired")
        )  # fmt: skip
        keys = [row[:3] for row in rows]
        assert len(keys) == len(set(keys))
        for *_, due, fired, met in rows:
            assert fired >= due
            assert met is None or fired <= met

    def none_with_sales(self) -> None:
        column, handed = MESSAGE.c, HANDED.c
        while_theirs = (
            select(column.id)
            .join(HANDED, handed.lead_id == column.lead_id)
            .where(
                column.kind == "nurture",
                column.handed_at > handed.opened_at,
                (handed.closed_at.is_(None)) | (column.handed_at < handed.closed_at),
            )
        )
        assert self.play.rows(while_theirs) == []


def settle_down(history: History, *, days: int = 40) -> None:
    """Tick on until nothing is on its way; fails if something waits for ever."""
    play = history.play
    end = play.now + timedelta(days=days)
    while play.now < end:
        active = ENROLMENT.c.state == "active"
        if not play.rows(select(ENROLMENT.c.id).where(active).limit(1)):
            return
        outcome = play.tick()
        assert outcome.next_due is not None, "somebody waits, and nothing is due"
        assert outcome.next_due > play.now, "due for ever"
        play.now = outcome.next_due
    raise AssertionError("somebody is still on the way")


STAND = "lead_id sequence key turn state stage position due_at recheck_at watch_at"


def everything(play: Play) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that say what was decided and done, without numbers the database gave."""
    wanted = {
        "enrolments": (ENROLMENT, STAND + " entered_at ended_at reason path"),
        "messages": (MESSAGE, "kind lead_id step template state due_at handed_at reason path"),
        "entries": (ENTRY, "lead_id kind rule points at step reason withdrawn_at"),
        "episodes": (EPISODE, "lead_id cause team opened_at closed_at reason"),
        "handoffs": (HANDED, "lead_id team rep state generation opened_at closed_at"),
        "rungs": (RUNG, "rung repetition action due_at state fired_at"),
        "decisions": (table_of(t.Decision), "lead_id at kind stage reason path"),
        "changes": (table_of(t.Change), "lead_id at field old new reason path"),
    }  # fmt: skip
    found = {}
    for name, (table, columns) in wanted.items():
        rows = play.rows(select(*(table.c[column] for column in columns.split())))
        found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def start(history: History) -> None:
    history.play.now = at("03-02 08:00")
    history.begin()
