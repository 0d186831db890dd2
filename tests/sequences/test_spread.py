"""`timing.spread`: mails that could go together go over a while, each at a place of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.fixtures_ledger import CALENDARS, empty
from tests.sequences.play import Play, at
from tests.sequences.test_budget import tell
from tests.sequences.texts import WORKSPACE, sequence

MESSAGE = table_of(t.Message).c
LEADS = 240
HEAD = """timing:
  window: {days: mon-fri, hours: "09:00-10:00"}
  spread: 2 hours
  late: {send_within: 1 hour, otherwise: skip}
"""
OPENS, NEXT, HOUR = at("03-02 09:00"), at("03-03 09:00"), timedelta(hours=1)


def crowd(play: Play) -> None:
    """Leads who all come at once."""
    leads = [
        {"id": n, "email": f"l{n}@example.test", "email_key": f"l{n}@example.test",
         "created_at": play.now, "updated_at": play.now, "timezone": "Europe/Berlin"}
        for n in range(1, LEADS + 1)
    ]  # fmt: skip
    with play.ledger.begin() as session:
        session.execute(insert(table_of(t.Lead)), leads)
    tell(play, LEADS, "form_submitted", every=1)


def due(play: Play) -> dict[int, datetime]:
    rows = play.rows(select(MESSAGE.lead_id, MESSAGE.due_at, MESSAGE.reason))
    assert {why for *_, why in rows} <= {
        "outside its sending window: goes when the window opens",
        "spread over 2 hours: goes at its place in them",
        "the daily cap of 1 is reached: goes the next day",
        "accepted by the mail server",
    }
    return {lead: when for lead, when, _ in rows}


def test_leads_have_places_of_their_own_inside_the_window_the_same_whenever_asked(
    play: Play,
) -> None:
    play.apply(sequence("- wait: 30 minutes\n- send: welcome", head=HEAD))
    crowd(play)
    play.tick("03-02 08:00")
    play.tick("03-02 08:30")
    places = due(play)
    first = {lead: when for lead, when in places.items() if when < NEXT}
    assert {when for when in places.values() if when >= NEXT} == {NEXT}, "behind the window's end"
    assert 90 < len(first) < 150
    assert min(first.values()) < OPENS + HOUR / 6
    assert max(first.values()) > OPENS + HOUR * 5 / 6
    assert 40 < len(set(first.values())) <= 60, "whole minutes, so that few ticks send many"
    # Once more, and nobody looked until the window was open for half an hour.
    empty(play.ledger, but=CALENDARS)
    play.now = at("03-02 08:00")
    play.apply()
    crowd(play)
    play.tick("03-02 08:00")
    play.tick("03-02 09:30")
    late = OPENS + HOUR / 2
    assert due(play) == {lead: max(when, late) for lead, when in places.items()}
    play.tick("03-02 09:45")
    sent = {lead for (lead,) in play.rows(select(MESSAGE.lead_id).where(MESSAGE.state == "sent"))}
    assert sent == {lead for lead, when in places.items() if when <= OPENS + HOUR * 3 / 4}


def test_what_is_put_off_is_spread_anew_and_anytime_goes_at_once(play: Play) -> None:
    steps = "- send: {email: welcome, anytime: true}\n- send: {email: tips}"
    head = HEAD.replace("10:00", "17:00").replace("1 hour", "3 days")
    play.apply(sequence(steps, head=head), nurture=WORKSPACE + "caps: {per_day: 1}\n")
    crowd(play)
    play.tick("03-02 09:00")
    welcome = select(MESSAGE.state).where(MESSAGE.template == "welcome").distinct()
    assert play.rows(welcome) == [("sent",)]
    play.tick("03-02 12:00")
    tips = play.rows(select(MESSAGE.due_at).where(MESSAGE.template == "tips"))
    opens = {when - NEXT for (when,) in tips}
    assert len(opens) > 60
    assert timedelta(0) <= min(opens) < max(opens) < 2 * HOUR
