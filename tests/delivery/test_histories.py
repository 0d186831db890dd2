"""Random histories of plans, refusals, pauses, outages and ticks: what must always hold."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, false, insert, select, update

from nurture.delivery import claim as claiming
from nurture.delivery import timing
from nurture.delivery.carriers.transport import ChannelFailed, Outgoing, Reply
from nurture.delivery.deliver import deliver
from nurture.delivery.sweep import sweep
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.workspace import Caps
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.tables.messages import FINAL
from nurture.sequences.openings import keep_openings
from tests.delivery.mailing import (
    ENROLMENT,
    MESSAGE,
    OFFICE,
    PATH,
    a_round,
    definitions,
    fill,
    message,
    states,
)

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", None)
STARTS = (datetime(2026, 3, 6, 7, tzinfo=UTC), datetime(2026, 3, 27, 7, tzinfo=UTC),
          datetime(2026, 10, 23, 7, tzinfo=UTC))  # fmt: skip
"""Fridays before clocks change: in America, in Europe, in Europe and Lord Howe back."""
LEADS = 10
GAP = timedelta(hours=9)
RULES = definitions(
    caps=Caps(per_day=1, per_week=3, minimum_gap="9 hours"),  # type: ignore[arg-type]
    news=Caps(per_week=1),
    quiet="23:00-05:00",
)
CAPS = ("day", "week", "topic", "gap")


class History:
    """A ledger that lives through chance, and a model of what its leads were told."""

    def __init__(
        self, ledger: Ledger, seed: int, *, rules: Definitions = RULES, watched: str = ""
    ) -> None:
        """`watched`: the one cap that is looked at, else all."""
        self.rules, self.watched = rules, watched
        self.chance = random.Random(seed)
        self.ledger = ledger
        self.now = self.chance.choice(STARTS)
        self.refused: set[int] = set()
        self.with_sales: set[int] = set()
        self.paused = False
        self.handed: set[int] = set()
        self.had: dict[int, list[tuple[datetime, str]]] = {n: [] for n in range(1, LEADS + 1)}
        fill(ledger, [f"lead{n}" for n in range(1, LEADS + 1)], now=self.now)
        self.zones = {n: self.chance.choice(ZONES) for n in range(1, LEADS + 1)}
        with ledger.begin() as session:
            lead = table_of(t.Lead)
            for number, zone in self.zones.items():
                session.execute(update(lead).where(lead.c.id == number).values(timezone=zone))
        self.planned = 1

    def plan(self) -> None:
        """One more mail for each of some leads, with or without a window or an end."""
        self.planned += 1
        some = self.chance.sample(range(1, LEADS + 1), 6)
        rows = [
            {"kind": "nurture", "enrolment_id": n, "step": "send:hello#1", "lead_id": n,
             "occurrence": self.planned, "template": "hello", "path": PATH,
             "topic": self.chance.choice(("tips", "tips", "news")),
             "planned_at": self.now, "due_at": self.now, "zone": "lead",
             "hours": self.chance.choice((OFFICE, None)),
             "expires_at": self.chance.choice((None, self.now + timedelta(hours=30)))}
            for n in some
        ]  # fmt: skip
        with self.ledger.begin() as session:
            session.execute(insert(MESSAGE), rows)
            session.execute(update(ENROLMENT).where(ENROLMENT.c.id.in_(some)).values(due_at=None))

    def refuse(self) -> None:
        """A lead says no, or its address bounces."""
        lead = self.chance.randint(1, LEADS)
        if lead in self.refused:
            return
        self.refused.add(lead)
        with self.ledger.begin() as session:
            if self.chance.random() < 0.5:
                row = t.Suppression(
                    email_key=f"lead{lead}@example.test", kind="bounce", since=self.now
                )
                session.add(row)
            else:
                for topic in ("tips", "news"):
                    session.add(
                        t.Consent(lead_id=lead, topic=topic, subscribed=False, decided_at=self.now)
                    )

    def hand_off(self) -> None:
        """A lead goes to sales."""
        lead = self.chance.randint(1, LEADS)
        if lead in self.with_sales:
            return
        self.with_sales.add(lead)
        with self.ledger.begin() as session:
            episode = t.Episode(lead_id=lead, line="mql", opened_at=self.now)
            session.add(episode)
            session.flush()
            session.add(
                t.Handoff(lead_id=lead, episode_id=episode.id, definition_id=1, team="emea",
                          opened_at=self.now, state="offered")
            )  # fmt: skip

    def pause(self) -> None:
        """An operator stops the sequence, or lets it go on."""
        self.paused = not self.paused
        with self.ledger.begin() as session:
            if self.paused:
                session.add(t.Pause(sequence="hello", since=self.now))
            else:
                session.execute(delete(table_of(t.Pause)))

    def wait(self) -> None:
        """Time passes: minutes, hours, or three days in which nothing ran."""
        hours = self.chance.choice((0.2, 1, 3, 7, 12, 24, 72))
        self.now += timedelta(hours=hours)

    def tick(self) -> None:
        """Everything due, over one connection or two; somebody may change their mind meanwhile."""
        with self.ledger.begin() as session:
            keep_openings(session, self.rules, now=self.now)
            sweep(session, now=self.now)

        def between(point: str) -> None:
            if point == "written" and self.chance.random() < 0.3:
                self.chance.choice((self.refuse, self.hand_off))()

        round_ = a_round(self.ledger, now=self.now, rules=self.rules, crash=between)
        with suppress(ChannelFailed):
            deliver(round_, self)

    @contextmanager
    def open(self) -> Iterator[History]:
        yield self

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply]:
        """The mail server: here every promise is checked, mail by mail."""
        dead = False
        for mail in window:
            lead = int(mail.recipient.removeprefix("lead").partition("@")[0])
            verdict = self.chance.choices(
                ("sent", "deferred", "unknown", "rejected", "channel"), (70, 12, 5, 3, 2)
            )[0]
            dead = dead or verdict == "channel"
            self.check(mail.ref, lead)
            if dead:
                yield Reply(mail.ref, "channel", 421, "closing", "mail")
                continue
            if verdict in ("sent", "unknown"):
                self.handed.add(mail.ref)
                self.had[lead].append((self.now, self.message(mail.ref).topic))
            if verdict == "rejected":
                self.refused.add(lead)
            yield Reply(mail.ref, verdict, 550, "no", "rcpt")  # type: ignore[arg-type]

    def local(self, lead: int, when: datetime) -> datetime:
        return when.astimezone(ZoneInfo(self.zones[lead] or "Europe/Berlin"))

    def message(self, number: int) -> t.Message:
        return message(self.ledger, number)

    def check(self, number: int, lead: int) -> None:
        assert number not in self.handed, "handed over twice"
        assert lead not in self.refused, "handed over after a no"
        assert lead not in self.with_sales, "handed over while with sales"
        assert not self.paused, "handed over while paused"
        row = self.message(number)
        assert row.state == "handed", "sent before it was committed"
        assert row.expires_at is None or row.expires_at > self.now, "sent too late"
        there = self.local(lead, self.now)
        assert not self.rules.waking or 5 <= there.hour < 23, f"in quiet hours: {there}"
        if row.hours:
            assert there.weekday() < 5
            assert 9 <= there.hour < 17, f"outside the window: {there}"
        self.check_caps(row, lead)

    def check_caps(self, row: t.Message, lead: int) -> None:
        """Reckoned by dates, where the engine goes by instants."""
        today, had = self.local(lead, self.now).date(), self.had[lead]
        ago = [((today - self.local(lead, at).date()).days, topic) for at, topic in had]
        about = sum(days < 7 for days, topic in ago if topic == "news")
        broken = {
            "day": sum(days == 0 for days, _ in ago) >= 1,
            "week": sum(days < 7 for days, _ in ago) >= 3,
            "topic": row.topic == "news" and about >= 1,
            "gap": bool(had) and self.now - had[-1][0] < GAP,
        }
        for name in [self.watched] if self.watched else CAPS:
            assert not broken[name], f"more than the cap: {name}"


@pytest.mark.parametrize("seed", [1, 2, 3, None])
def test_whatever_happens_the_promises_about_sending_hold(
    guarded: Ledger, seed: int | None
) -> None:
    seed = secrets.randbelow(10**6) if seed is None else seed
    print(f"seed {seed}")
    history = History(guarded, seed)
    steps = (history.tick, history.wait, history.plan, history.refuse, history.hand_off,
             history.pause)  # fmt: skip
    for _ in range(60):
        history.chance.choices(steps, (40, 30, 16, 4, 2, 8))[0]()
    if history.paused:
        history.pause()
    for _ in range(90):  # every wait ends
        history.now += timedelta(hours=9)
        history.tick()
        if not {"due", "deferred"} & states(guarded).keys():
            break
    found = states(guarded)
    with guarded.begin() as session:
        standing = session.execute(select(ENROLMENT.c.due_at)).scalars().all()
    assert set(found) <= {*FINAL, "unknown"}
    assert None not in standing
    assert found["sent"] + found["unknown"] == len(history.handed) > 5


@pytest.mark.parametrize("missing", ["the fence", "quiet hours", *CAPS])
def test_the_histories_notice_when_a_protection_is_missing(
    guarded: Ledger, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    rules, watched, told = definitions(), missing, f"more than the cap: {missing}"
    if missing not in CAPS:
        rules, watched, told = replace(RULES), "", "after a no|with sales|in quiet"
    if missing == "the fence":
        monkeypatch.setattr(claiming, "_welcome", lambda _: MESSAGE.c.id.is_not(None))
    if missing == "quiet hours":
        monkeypatch.setattr(timing, "quiet", lambda rules, at: false())
    history = History(guarded, 1, rules=rules, watched=watched)
    steps = (history.tick, history.wait, history.plan, history.plan)
    with pytest.raises(AssertionError, match=told):
        live(history, steps, 200)


def live(history: History, steps: Sequence[Callable[[], None]], count: int) -> None:
    """So many steps by chance."""
    for _ in range(count):
        history.chance.choice(steps)()
