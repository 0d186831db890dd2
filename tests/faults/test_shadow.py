"""A version in shadow: the world does not notice it, and it goes as it would go in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.shadow.beginning import begun, marked, settle_shadow
from app.shadow.running import Shadow
from flows.runtime import Runtime
from insight.shadow import Event, compare, versions
from nurture.ledger import tables as t
from nurture.ledger.copies import copying, following
from nurture.ledger.copies.beside import Beside
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.engine import Ledger
from nurture.ledger.intake import leads
from nurture.ledger.statements import upsert
from nurture.sequences.asked import ask_in
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, sequence

OLD = """
- send: welcome
- wait: 2 days
- send: tips
- wait_for: {event: email_clicked, where: {email: tips}}
  within: 3 days
  then: [{score: 5}]
  otherwise: [{send: news}]
- wait: 1 day
- hand_off: {team: smb, reason: is through}
"""
NEW = OLD.replace("wait: 2 days", "wait: 1 day").replace(
    "then: [{score: 5}]", "then: [{score: 70}, {update: {add_tags: keen, fields: {country: FR}}}]"
)
HEAD = "edits: {enrolled: move}\n"
ORDERS = """
- send: offer
- webhook: "https://crm.example.test/"
- wait: 3 days
- send: news
"""
OTHER = sequence(ORDERS, name="orders").replace("form_submitted", "ordered")
NAMES = ("ann", "ben", "cleo", "dan", "eve")
NOT_COMPARED = {
    "id", "definition_id", "enrolment_id", "engagement_id", "handoff_id", "episode_id", "clock_id",
    "owner", "generation", "lease_until", "message_id", "content", "reason", "received_at",
    "updated_at", "notice_key", "reply", "sender", "at", "since", "scored_at", "added_at",
    "behaviour", "fit", "look_at",
}  # fmt: skip
"""What a copy numbers, signs, dates or words in its own way."""
TABLES = (
    t.Lead, t.LeadTag, t.Consent, t.Suppression, t.Enrolment, t.Message, t.ScoreEntry, t.Episode,
    t.Handoff, t.Clock, t.Pause, t.WebhookCall,
)  # fmt: skip


Wrap = Callable[[Runtime], Runtime]


@pytest.fixture
def in_shadow(ledger: Ledger) -> Iterator[Wrap]:
    """Gives a play's runtimes the copy, which is gone at the end."""
    kept: list[Shadow] = []

    def wrap(runtime: Runtime) -> Runtime:
        if not kept:
            kept.append(Shadow(runtime))
        kept[0].live = runtime
        return replace(runtime, shadow=kept[0])

    yield wrap
    for each in kept:
        each.close()
    Beside(ledger).drop()


@contextmanager
def killed_at(place: Any, name: str) -> Iterator[None]:
    """What stands there ends the process."""

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, kill)
        yield


@contextmanager
def other_world(folder: Path) -> Iterator[Play]:
    """The same leads in a ledger of their own."""
    with open_memory() as opened:
        yield Play(opened, folder)


def begin(play: Play) -> None:
    """Some are on their way, one is with sales, one is paused, one unknown yet."""
    play.apply(sequence(OLD), OTHER, handoff=HANDOFF)
    for name in NAMES:
        play.lead(name)
        play.event(name, "form_submitted")
    play.tick("03-02 09:00")
    for _ in range(3):
        play.event("dan", "page_viewed")
    play.event("eve", "ordered")
    play.tick("03-02 10:00")


def go_on(play: Play) -> None:
    """What people do, with a tick at once each time."""
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("03-03 09:30", lambda: play.sales("dan", "accept", by="bo")),
        ("03-03 10:00", lambda: put(play, email="flo@example.test", tags="fair")),
        ("03-03 10:30", lambda: play.event("flo", "form_submitted")),
        ("03-04 11:00", lambda: play.event("ann", "email_clicked", email="tips")),
        ("03-04 12:00", lambda: play.opt_out("ben", "tips")),
        ("03-04 13:00", lambda: play.opt_out("cleo")),
        ("03-05 09:00", lambda: put(play, email="eve@example.test", company="New", tags="vip")),
        ("03-05 10:00", lambda: play.sales("dan", "touch", how="called")),
        ("03-05 14:00", lambda: ask(play, "ann", "orders")),
        ("03-05 15:00", lambda: play.event("flo", "page_viewed")),
        ("03-09 09:00", lambda: play.sales("dan", "reject", reason="not a fit")),
        ("03-09 10:00", lambda: play.event("eve", "email_clicked", email="tips")),
    ]
    for when, what in steps:
        play.tick(at(when) - timedelta(minutes=1))
        play.now = at(when)
        what()
        play.tick()
    for when in ("03-10 12:00", "03-11 12:00", "03-12 12:00", "03-13 12:00"):
        play.tick(when)


def ask(play: Play, name: str, sequence_: str) -> None:
    lead, definitions = play.lead_row(name).id or 0, play.definitions()
    play.do(lambda s: ask_in(s, definitions, sequence_, [lead], reason="a list", now=play.now))


def put(play: Play, **fields: str) -> None:
    with play.ledger.begin() as session:
        leads.put_leads(session, [leads.read_lead(fields, {})], now=play.now, reason="import")


def edit(play: Play, *, shadow: bool) -> None:
    play.now = at("03-02 10:00")
    head = HEAD + ("shadow: true\n" if shadow else "")
    play.apply(sequence(NEW, head=head))
    play.tick()


def rows(ledger: Ledger, *models: Any, without: set[str] = NOT_COMPARED) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with ledger.looking() as session:
        for model in models:
            table = upsert.table_of(model)
            columns = [column for column in table.c if column.name not in without]
            listed = session.execute(select(*columns).order_by(*table.primary_key))
            found[table.name] = sorted((tuple(row) for row in listed), key=repr)
    return found


def test_it_runs_as_it_would_in_force_and_the_world_does_not_notice(
    ledger: Ledger, tmp_path: Path, in_shadow: Wrap
) -> None:
    play = Play(ledger, tmp_path / "workspace")
    play.wrap = in_shadow
    begin(play)
    edit(play, shadow=True)
    go_on(play)
    with other_world(tmp_path / "undisturbed") as alone:
        begin(alone)
        go_on(alone)
        every = (*TABLES, t.Decision, t.Change, t.Rung)
        undisturbed = {name for name in NOT_COMPARED if name.endswith("id")} | {
            "content", "owner", "sender", "notice_key",
        }  # fmt: skip
        assert rows(ledger, *every, without=undisturbed) == rows(
            alone.ledger, *every, without=undisturbed
        )
    copy = Beside(ledger).open()
    with other_world(tmp_path / "edited") as edited:
        begin(edited)
        edit(edited, shadow=False)
        go_on(edited)
        theirs, ours = rows(edited.ledger, *TABLES), rows(copy, *TABLES)
        for table, expected in theirs.items():
            assert ours[table] == expected, table
        assert any("FR" in row for row in ours["lead"]), "the edit does something"
    with ledger.looking() as live, copy.looking() as session:
        (of,) = versions(session)
        found = compare(live, session, of)
    copy.close()
    assert (found.live, found.shadow) == (1, 2)
    assert found.leads == {"the same": 4, "at another time": 1, "something else": 1}
    ann, flo = found.partings
    assert (ann.lead, ann.verdict, ann.shadow) == (
        "ann@example.test",
        "something else",
        Event(at("03-04 11:00"), "to sales: smb"),
    )
    assert flo.live is not None
    assert flo.shadow is not None
    assert (flo.shadow.what, flo.live.what) == ("mail tips", "mail tips")
    assert flo.live.at - flo.shadow.at > timedelta(hours=12)


def test_a_copy_is_made_whole_or_not_at_all_and_ends_with_the_mark(
    ledger: Ledger, tmp_path: Path, in_shadow: Wrap
) -> None:
    play = Play(ledger, tmp_path / "workspace")
    begin(play)
    place, before = Beside(ledger), rows(ledger, *TABLES)
    with killed_at(copying, "_number_on"), pytest.raises(KeyboardInterrupt):
        edit(play, shadow=True)
    assert place.identity() is None
    assert rows(ledger, *TABLES) == before
    play.wrap = in_shadow
    play.event("ben", "poked")
    play.tick()  # goes on without the copy, and keeps the news for it
    assert marked(ledger)
    assert begun(place) == {}
    edit(play, shadow=True)
    first = place.identity()
    assert begun(place) == marked(ledger)
    settle_shadow(ledger, now=play.now)
    assert place.identity() == first, "the same again changes nothing"
    copy = place.open()
    poked = select(t.Engagement.id).where(upsert.table_of(t.Engagement).c.kind == "poked")
    with copy.looking() as session:
        assert len(session.execute(poked).all()) == 1, "copied, and heard of once more"
    copy.close()
    play.apply(sequence(NEW, head=HEAD + "shadow: true\n").replace("1 day", "4 days"))
    assert place.identity() != first, "another text begins anew"
    play.tick()
    play.apply(sequence(OLD))
    assert place.identity() is None
    assert marked(ledger) == {}
    play.event("ann", "poked")
    play.tick("03-02 12:00")
    assert play.rows(select(t.Echo)) == [], "nobody is left to hear"


def test_news_are_heard_again_after_a_crash_and_count_once(
    ledger: Ledger, tmp_path: Path, in_shadow: Wrap
) -> None:
    play = Play(ledger, tmp_path / "workspace")
    begin(play)
    edit(play, shadow=True)
    play.event("ann", "email_clicked", email="welcome")
    put(play, email="gil@example.test", tags="fair", company="Gil")
    put(play, email="ann@example.test", company="Ann", tags="vip")
    play.tick("03-02 11:00")
    play.wrap = in_shadow
    with killed_at(following, "forget"), pytest.raises(KeyboardInterrupt):
        play.tick()
    copy = Beside(ledger).open()
    heard = rows(copy, t.Engagement, t.Lead, t.LeadTag, t.ScoreEntry)
    assert [row[0] for row in heard["lead"]][-1:] == ["gil@example.test"]
    play.tick()
    assert rows(copy, t.Engagement, t.Lead, t.LeadTag, t.ScoreEntry) == heard
    assert play.rows(select(t.Echo)) == []
    copy.close()
