"""Marks: whatever changes a handoff or a lifecycle makes its lead due, whoever does it, and no
change is lost between transactions."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from app.stories.rehearsal import rehearse
from handoff.crm import claim as claims
from handoff.crm.claim import claim
from handoff.crm.keeping import push_all
from handoff.escalation import leaving
from handoff.escalation.ladder import climb
from handoff.sla.pauses import end_waits
from handoff.tables import CRM_MARK, CRM_RECORD, LEAD, REP
from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.copies.copying import copy_everything
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.crm_marks import mark
from nurture.ledger.engine import Ledger, open_ledger
from nurture.ledger.imports import import_leads
from nurture.ledger.intake import leads
from tests.fixtures_ledger import NOW, counting
from tests.handoff import sales_desk as desk
from tests.handoff.crm.beside import PULLING, WEBHOOK, Beside, beside
from tests.sequences.play import Play, at
from tests.sequences.texts import HANDOFF, sequence

HOUR = timedelta(hours=1)


def marked(ledger: Ledger) -> set[int]:
    """The leads marked since the last look."""
    with ledger.begin() as session:
        found = set(session.execute(select(CRM_MARK.c.lead_id)).scalars())
        session.execute(delete(CRM_MARK))
    return found


@pytest.fixture
def quiet(desk_beside: Beside) -> Beside:
    """Three leads with reps, and no marks."""
    desk_beside.offer(3)
    assert marked(desk_beside.ledger) == {1, 2, 3}
    return desk_beside


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("accept", {}), ("touch", {"how": "called"}), ("give", {"to": "di"}),
        ("reject", {"reason": "no budget"}), ("recycle", {"reason": "no budget"}),
        ("pause", {"until": NOW + HOUR}), ("snooze", {"length": HOUR}),
        ("outcome", {"result": "won"}), ("outcome", {"result": "meeting"}),
    ],
)  # fmt: skip
def test_every_answer_marks_its_lead_alone(quiet: Beside, verb: str, said: dict[str, Any]) -> None:
    quiet.sales(verb, 2, **said)
    assert marked(quiet.ledger) == {2}


def test_ladders_waits_and_people_who_leave_mark_theirs(quiet: Beside) -> None:
    quiet.sales("pause", 1, until=NOW + HOUR)
    marked(quiet.ledger)
    with quiet.ledger.begin() as session:
        end_waits(session, now=NOW + HOUR)
    assert marked(quiet.ledger) == {1}
    with quiet.ledger.begin() as session:
        session.execute(REP.update().where(REP.c.rep == "bo").values(active=False))
        leaving.move_on(session, quiet.known, now=NOW + HOUR)
    assert marked(quiet.ledger) == {1}
    with quiet.ledger.begin() as session:
        climb(session, quiet.known, now=NOW + 7 * HOUR)
    assert marked(quiet.ledger) >= {2, 3}


def test_a_lifecycle_marks_whoever_moves_it(quiet: Beside, tmp_path: Path) -> None:
    with quiet.ledger.begin() as session:
        leads.change_field(session, 1, "lifecycle", "sql", now=NOW, reason="by hand")
        leads.change_field(session, 2, "company", "Acme", now=NOW, reason="by hand")
    assert marked(quiet.ledger) == {1}
    file = tmp_path / "leads.csv"
    file.write_text(
        "email,lifecycle,company\nlead2@example.test,customer,\nlead3@example.test,,Acme\n",
        encoding="utf-8",
    )
    import_leads(
        quiet.ledger, file, mapping={}, field_types={}, now=NOW, reject_path=tmp_path / "no.csv"
    )
    assert marked(quiet.ledger) == {2}


@pytest.fixture
def play(ledger: Ledger, tmp_path: Path) -> Play:
    made = Play(ledger, tmp_path / "workspace", at("03-02 10:00"))
    url = "https://crm.example.test/x"
    made.apply(
        sequence("- update: {lifecycle: sql}\n- end: done"),
        handoff=f"{HANDOFF}crm: {{system: webhook, url: '{url}'}}\n",
        scoring="behaviour:\n  - {rule: p, when: {event: page_viewed}, points: 60, reason: read}\n"
        "thresholds:\n  - {threshold: hot, at: 50, rearm: 10, lifecycle: mql}\n",
    )  # fmt: skip
    return made


def test_steps_and_thresholds_mark_leads_and_a_tick_without_a_way_to_the_crm_goes_on(
    play: Play,
) -> None:
    play.lead("ann")
    play.lead("ben")
    play.lead("cyd")
    play.event("ann", "form_submitted")
    play.event("ben", "page_viewed")
    play.tick()
    numbers = play._ids
    assert marked(play.ledger) == {numbers["ann"], numbers["ben"]}


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_change_that_commits_late_is_not_missed(quiet: Beside) -> None:
    """Numbers are given in one order, and commit in another; SQLite has one writer."""
    quiet.push()
    with ExitStack() as stack:
        slow = stack.enter_context(quiet.ledger.begin())
        mark(slow, select(LEAD.c.id).where(LEAD.c.id == 1))
        slow.execute(LEAD.update().where(LEAD.c.id == 1).values(first_name="Ann"))
        with quiet.ledger.begin() as quick:
            mark(quick, select(LEAD.c.id).where(LEAD.c.id == 2))
            quick.execute(LEAD.update().where(LEAD.c.id == 2).values(first_name="Ben"))
        quiet.push()
        assert quiet.crm.last.fields["firstname"] == "Ben"
    quiet.push()
    assert quiet.crm.last.fields["firstname"] == "Ann"


def test_a_hundred_times_more_leads_take_as_many_statements(ledger: Ledger) -> None:
    counts = []
    here = beside(ledger)
    for first, many in ((1, 20), (100, 2_000)):
        with counting(ledger) as sent:
            here.offer(many, first=first)
        marks = [each for each in sent if "crm_mark" in each]
        with counting(ledger) as folded, ledger.begin() as session:
            claim(session, here.known, owner="x", now=here.now)
        counts.append((len(marks), desk.told(folded)))
        with ledger.begin() as session:
            session.execute(CRM_RECORD.update().values(state="told"))
    assert counts[0] == counts[1]
    with ledger.begin() as session:
        assert session.execute(select(func.count()).select_from(CRM_RECORD)).scalar() == 2_020


def test_more_marks_than_a_batch_are_taken_in_by_turns(
    quiet: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "SIZE", 3)
    with quiet.ledger.begin() as session:
        mark(session, select(LEAD.c.id))
    monkeypatch.setattr(claims, "_MARKED", claims.batches.filling(
        select(CRM_MARK.c.id, CRM_MARK.c.lead_id).order_by(CRM_MARK.c.id).limit(3)
    ))  # fmt: skip
    quiet.offer(4, first=10)
    quiet.push()
    assert quiet.rows(CRM_MARK) == []
    assert {row.state for row in quiet.rows(CRM_RECORD)} == {"told"}


# -- what is applied


def test_leads_that_are_with_sales_are_told_when_a_crm_is_first_applied(
    desk_beside: Beside,
) -> None:
    desk_beside.apply(None)
    desk_beside.offer(3)
    desk_beside.sales("reject", 2, reason="no budget")
    desk_beside.apply(PULLING)
    desk_beside.push()
    assert {card.key[-1] for card in desk_beside.crm.cards} == {"1", "3"}
    assert desk_beside.health().pull_at == desk_beside.now


@pytest.fixture
def told(desk_beside: Beside) -> Beside:
    """Three leads the CRM was told of."""
    desk_beside.offer(3)
    desk_beside.push()
    return desk_beside


def test_applied_again_nothing_is_told_again_and_other_names_are(told: Beside) -> None:
    told.apply(PULLING)
    told.push()
    assert len(told.crm.cards) == 3
    told.apply({**PULLING, "fields": {"first_name": "name"}})
    told.push()
    assert len(told.crm.cards) == 6
    assert told.crm.last.fields == {"name": None}
    assert told.crm.last.refs  # it is the same CRM


def test_another_system_begins_anew(told: Beside) -> None:
    told.apply(WEBHOOK)
    told.push()
    assert len(told.crm.cards) == 6
    assert told.crm.last.refs == {}
    assert told.crm.last.deal is not None
    assert (told.crm.last.deal.owner, told.crm.last.deal.stage) == ("di@example.test", "offered")
    assert told.health().pull_at is None


def test_told_anew_of_all_counts_who_never_was_with_sales_but_is_known(quiet: Beside) -> None:
    desk.episodes(quiet.ledger, 1, first=90)  # no handoff yet
    with quiet.ledger.begin() as session:
        mark(session, select(LEAD.c.id))
    quiet.push()
    leads = {card.key for card in quiet.crm.cards}
    quiet.crm.cards.clear()
    with quiet.ledger.begin() as session:
        assert push_all(session, now=quiet.now) == len(leads)
    quiet.push()
    assert {card.key for card in quiet.crm.cards} == leads


def test_asked_more_often_it_is_asked_sooner(quiet: Beside) -> None:
    quiet.pull()
    planned = quiet.health().pull_at
    quiet.apply({**PULLING, "pull": "every 1 minute"})
    assert quiet.health().pull_at < planned


def test_copies_rehearsals_and_shadows_know_of_no_crm(quiet: Beside, tmp_path: Path) -> None:
    with open_memory() as copy:
        with quiet.ledger.looking() as source, copy.begin() as target:
            copy_everything(source, target)
        assert marked(copy) == set()
        with copy.begin() as session:
            assert session.get(t.Crm, "crm") is None
            assert mark(session, select(LEAD.c.id)) == 0
    folder = tmp_path / "workspace"
    ledger = open_ledger(str(tmp_path / "x.sqlite3"))
    schema.upgrade(ledger)
    Play(ledger, folder).apply(
        handoff=f"{HANDOFF}crm: {{system: webhook, url: 'https://crm.example.test/x'}}\n"
    )
    ledger.close()
    with open_memory() as memory:
        runtime = rehearse(memory, folder).runtime
        assert runtime.crm(runtime.definitions()) is None
        with memory.begin() as session:
            assert session.get(t.Crm, "crm") is None
