"""Entry on a date of the lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.ledger.ticks import touch
from tests.sequences.play import Play, at
from tests.sequences.test_until import DATED
from tests.sequences.texts import sequence

LEAD = table_of(t.Lead)
RARELY = timedelta(days=400)
"""Nothing but what is due makes a tick."""


def dated(entry: str, **head: str) -> str:
    more = "".join(f"\n{key}: {value}" for key, value in head.items())
    return sequence("- send: welcome\n- wait: 20 days", head=f"enter: {{{entry}}}{more}")


def know(play: Play, name: str, **known: Any) -> None:
    """Another value in a field of the lead."""
    mine = LEAD.c.email == f"{name}@example.test"
    play.do(lambda s: s.execute(LEAD.update().where(mine).values(attributes=known)))
    play.do(lambda s: touch(s, select(LEAD.c.id).where(mine)))


@pytest.mark.parametrize(
    ("entry", "zone", "sent"),
    [
        ('date: renewal_on, before: 30 days, at: "09:00"', "Europe/Berlin", "03-12 09:00"),
        ("date: renewal_on, before: 5 weeks", "Europe/Berlin", "03-07 00:00"),
        ("date: renewal_on", "America/New_York", "04-11 00:00"),
        ('date: renewal_on, after: 2 days, at: "10:30"', "America/New_York", "04-13 10:30"),
    ],
)
def test_a_lead_enters_when_its_day_comes_where_it_is(
    play: Play, entry: str, zone: str, sent: str
) -> None:
    play.apply(dated(entry), nurture=DATED)
    play.lead(zone=zone, attributes={"renewal_on": "2026-04-11"})
    play.lead("bob", zone=zone)
    play.until("04-20 08:00", step=RARELY)
    assert play.sent() == [("welcome", sent)]
    assert [each.key for each in play.enrolments()] == ["2026-04-11"]
    assert play.enrolments("bob") == []


def test_each_date_lets_a_lead_in_once_and_another_one_anew(play: Play) -> None:
    play.apply(dated("date: renewal_on"), nurture=DATED)
    play.lead(attributes={"renewal_on": "2026-03-05"})
    play.until("03-06 08:00")
    know(play, "ann", renewal_on="2026-03-05", employees=3)
    play.until("03-07 08:00")
    know(play, "ann", renewal_on="2026-03-10")
    play.until("03-20 08:00", step=RARELY)
    found = [(each.key, each.entered_at) for each in play.enrolments()]
    assert found == [
        ("2026-03-05", at("03-05 00:00")),
        ("2026-03-10", at("03-10 00:00")),
    ]
    assert play.decisions("ann", "entered") == ["entered: entered: renewal_on"] * 2


def test_a_date_that_moves_before_it_comes_is_the_only_one_that_counts(play: Play) -> None:
    play.apply(dated("date: renewal_on"), nurture=DATED)
    play.lead(attributes={"renewal_on": "2026-03-05"})
    play.until("03-04 08:00")
    know(play, "ann", renewal_on="2026-03-09")
    play.until("03-20 08:00", step=RARELY)
    assert [each.key for each in play.enrolments()] == ["2026-03-09"]


def test_dates_long_over_let_nobody_in_and_an_outage_within_that_time_nobody_out(
    play: Play,
) -> None:
    play.apply(dated("date: renewal_on, within: 3 days"), nurture=DATED)
    play.lead(attributes={"renewal_on": "2026-02-20"})
    play.lead("bob", attributes={"renewal_on": "2026-03-05"})
    play.tick()
    play.tick("03-07 08:00")
    assert play.state("ann") == ""
    assert play.enrolments("bob")[0].entered_at == at("03-07 08:00")


def test_a_segment_beside_the_date_says_who(play: Play) -> None:
    play.apply(dated("date: renewal_on, segment: {country: DE}"), nurture=DATED)
    for name, country in (("ann", "DE"), ("bob", "FR"), ("cid", "FR")):
        play.lead(name, country=country, attributes={"renewal_on": "2026-03-05"})
    play.until("03-06 08:00", step=RARELY)
    play.change("cid", "country", "DE")  # a day after the date, within seven
    play.tick()
    assert [play.state(name) for name in ("ann", "bob", "cid")] == ["active", "", "active"]


def test_a_zone_the_sequence_names_says_when_the_day_comes(play: Play) -> None:
    play.apply(dated("date: renewal_on", timing="{zone: Asia/Tokyo}"), nurture=DATED)
    play.lead(attributes={"renewal_on": "2026-03-05"})
    play.until("03-06 08:00", step=RARELY)
    assert play.enrolments()[0].entered_at == at("03-04 16:00")
