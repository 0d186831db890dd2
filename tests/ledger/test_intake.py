"""Engagements: each once, in any order, of leads known and not known yet."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import Session, col

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NotFound
from nurture.ledger.intake import arrivals
from nurture.ledger.intake.arrivals import EngagementIn, IntakeResult
from nurture.ledger.intake.incoming import OwnEngagement, read_engagements
from tests.fixtures_ledger import NOW, counting, make_lead, make_message


def given_one(key: str = "k1", **values: Any) -> EngagementIn:
    fields = {
        "source": "web",
        "key": key,
        "kind": "page_viewed",
        "lead": "ann@example.test",
        "occurred_at": NOW,
    }
    return EngagementIn(**(fields | values))


def taken(ledger: Ledger, *engagements: EngagementIn, create_leads: bool = False) -> IntakeResult:
    with ledger.begin() as session:
        return arrivals.take(session, engagements, now=NOW, create_leads=create_leads)


def count(session: Session, model: type[Any]) -> int:
    return session.execute(select(func.count()).select_from(model)).scalar_one()


def test_an_engagement_of_a_known_lead_is_written_with_a_touch(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, "Ann@example.test", external_id="x17")
    result = taken(
        ledger,
        given_one("a", lead="ANN@Example.TEST", properties={"url": "/é", "n": [1, {"b": True}]}),
        given_one("b", lead="id:x17", occurred_at=NOW - timedelta(days=400)),
    )
    assert result == IntakeResult(accepted=2, duplicates=0, parked=0, refused=[])
    with ledger.begin() as session:
        rows = session.execute(select(t.Engagement).order_by(col(t.Engagement.key))).scalars()
        first, second = rows.all()
        assert first.lead_id == second.lead_id == lead.id
        assert first.properties == {"url": "/é", "n": [1, {"b": True}]}
        assert (first.identity, second.identity) == ("ann@example.test", "id:x17")
        assert second.occurred_at == NOW - timedelta(days=400)
        assert first.received_at == NOW
        touches = session.execute(select(t.Touch)).scalars().all()
        assert {(x.lead_id, x.engagement_id) for x in touches} == {
            (lead.id, first.id),
            (lead.id, second.id),
        }


def test_the_same_key_counts_once_in_one_batch_and_over_batches(ledger: Ledger) -> None:
    with ledger.begin() as session:
        make_lead(session)
    assert taken(ledger, given_one(), given_one()) == IntakeResult(1, 1, 0, [])
    assert taken(ledger, given_one(), given_one(source="crm")) == IntakeResult(1, 1, 0, [])
    with ledger.begin() as session:
        assert count(session, t.Touch) == 2


def test_an_unknown_lead_is_parked_and_adopted_when_it_comes(ledger: Ledger) -> None:
    parked = taken(
        ledger, given_one("a"), given_one("b", lead="id:x17"), given_one("c", lead="id:y")
    )
    assert parked == IntakeResult(0, 0, 3, [])
    with ledger.begin() as session:
        assert count(session, t.Touch) == 0
        assert count(session, t.Lead) == 0
        assert arrivals.adopt_parked(session, select(t.Lead.id)) == 0
        lead = make_lead(session, external_id="x17")
        assert arrivals.adopt_parked(session, select(t.Lead.id)) == 2
        assert arrivals.adopt_parked(session, select(t.Lead.id)) == 0
        assert arrivals.count_parked(session) == 1
        touched = session.execute(select(t.Touch.lead_id)).scalars().all()
        assert touched == [lead.id, lead.id]


def test_a_source_that_may_creates_the_lead_of_an_address(ledger: Ledger) -> None:
    batch = [
        given_one("a", lead="New.Person@Example.Test"),
        given_one("b", lead="new.person@example.test"),
        given_one("c", lead="id:x17"),
    ]
    assert taken(ledger, *batch, create_leads=True) == IntakeResult(2, 0, 1, [])
    with ledger.begin() as session:
        lead = session.execute(select(t.Lead)).scalar_one()
        assert lead.email == "New.Person@example.test"
        assert (lead.lifecycle, lead.attributes, lead.created_at) == ("lead", {}, NOW)


def test_more_than_five_minutes_in_the_future_is_refused(ledger: Ledger) -> None:
    with ledger.begin() as session:
        make_lead(session)
    result = taken(
        ledger,
        given_one("a", occurred_at=NOW + timedelta(minutes=5)),
        given_one("b", occurred_at=NOW + timedelta(minutes=5, seconds=1)),
    )
    assert result.accepted == 1
    assert result.refused == [
        (1, "occurred_at", "lies in the future", "an instant up to 2026-03-02T09:05:00+00:00")
    ]


def test_our_own_engagements_carry_lead_and_message(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, None, external_id="x")
        message = make_message(session, lead)
        assert lead.id
        own = OwnEngagement(
            source="nurture",
            key="open:1",
            kind="email_opened",
            lead_id=lead.id,
            message_id=message.id,
            occurred_at=NOW,
        )
    assert taken(ledger, own).accepted == 1
    with ledger.begin() as session:
        row = session.execute(select(t.Engagement)).scalar_one()
        assert (row.lead_id, row.message_id) == (lead.id, message.id)


def test_a_batch_of_500_takes_as_many_statements_as_one_of_5(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for number in range(500):
            make_lead(session, f"lead{number}@example.test")
    used = []
    for size in (5, 500):
        batch = [given_one(f"{size}-{n}", lead=f"lead{n}@example.test") for n in range(size)]
        with counting(ledger) as sent:
            assert taken(ledger, *batch).accepted == size
        used.append(len(sent))
    assert used[0] == used[1] <= 5


def test_withdrawing_takes_exactly_its_points_back(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
    taken(ledger, given_one("bot"), given_one("human"))
    with ledger.begin() as session:
        for row in session.execute(select(t.Engagement)).scalars().all():
            for rule in ("a", "b"):
                session.add(
                    t.ScoreEntry(lead_id=lead.id, rule=rule, points=3, at=NOW, engagement_id=row.id)
                )
        session.flush()
        bot = session.execute(
            select(t.Engagement.id).where(col(t.Engagement.key) == "bot")
        ).scalar_one()
        assert bot
        withdraw = arrivals.withdraw_engagement
        assert withdraw(session, bot, reason="a link scanner", now=NOW) == 2
        assert withdraw(session, bot, reason="again", now=NOW) == 0
        standing = select(t.ScoreEntry).where(col(t.ScoreEntry.withdrawn_at).is_(None))
        assert {x.engagement_id for x in session.execute(standing).scalars()} == {bot + 1}
        touches = session.execute(select(t.Touch.engagement_id)).scalars().all()
        assert sorted(touches, key=str) == [bot + 1, None]
        with pytest.raises(NotFound, match="no engagement 999"):
            withdraw(session, 999, reason="", now=NOW)


def test_parking_and_making_a_lead_at_once_leaves_nothing_parked(ledger: Ledger) -> None:
    start = threading.Barrier(2)
    failed: list[BaseException] = []

    def run(create: bool) -> None:
        try:
            start.wait(10)
            for number in range(20):
                one = given_one(f"{create}{number}", lead=f"p{number}@example.test")
                with ledger.begin() as session:
                    arrivals.take(session, [one], now=NOW, create_leads=create)
                    if create:
                        arrivals.adopt_parked(session, select(t.Lead.id))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(create,)) for create in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with ledger.begin() as session:
        assert arrivals.count_parked(session) == 0


GOOD = {
    "source": "web",
    "key": "1",
    "kind": "page_viewed",
    "lead": "ann@example.test",
    "occurred_at": "2026-03-02T10:00:00+01:00",
    "properties": {"url": "/"},
}


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"source": ""}, "source", "is empty"),
        ({"key": 7}, "key", "is not a text"),
        ({"kind": "a\u202eb"}, "kind", "holds an invisible character"),
        ({"kind": "x" * 101}, "kind", "is too long"),
        ({"lead": "ann"}, "lead", "it has no @"),
        ({"lead": "id: "}, "lead", "a space at one of its ends"),
        ({"occurred_at": "2026-03-02T10:00:00"}, "occurred_at", "has no time zone"),
        ({"occurred_at": "yesterday"}, "occurred_at", "is not an instant"),
        ({"colour": "red"}, "colour", "is no field of an engagement"),
        ({"message_id": 4}, "message_id", "is no field of an engagement"),
        ({"properties": []}, "properties", "is not an object"),
        ({"properties": {"a": "\0"}}, "properties", "NUL"),
        ({"properties": {"a": "\ud800"}}, "properties", "half a character"),
        ({"properties": {"a": float("nan")}}, "properties", "beyond 64 bits, or none"),
        ({"properties": {"a": 2**63}}, "properties", "beyond 64 bits"),
        ({"properties": {"a": "x" * 17_000}}, "properties", "bytes long as JSON, 16384"),
        ({"properties": {"a": [[[[["deep"]]]]]}}, "properties", "nest deeper than 5"),
    ],
)
def test_what_does_not_fit_is_named_and_the_others_are_read(
    change: dict[str, Any], field: str, problem: str
) -> None:
    read, refused = read_engagements([GOOD, GOOD | change, GOOD])
    assert [position for position, _ in read] == [0, 2]
    assert [(r.position, r.field) for r in refused] == [(1, field)]
    assert problem in refused[0].problem
    assert refused[0].allowed


def test_a_value_that_is_no_object_and_a_missing_field_are_named() -> None:
    _, refused = read_engagements([7, {k: v for k, v in GOOD.items() if k != "lead"}])
    assert [(r.position, r.field, r.problem) for r in refused] == [
        (0, "", "is not an object"),
        (1, "lead", "is missing"),
    ]


def test_an_instant_is_read_in_its_zone() -> None:
    [(_, read)], _ = read_engagements([GOOD])
    assert read.occurred_at.astimezone(UTC) == datetime(2026, 3, 2, 9, tzinfo=UTC)
