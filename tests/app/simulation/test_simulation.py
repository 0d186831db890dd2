"""Simulations beside their rows, in other processes, and what people are drawn to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.dice import Dice
from app.settings import Settings
from app.simulation import running
from app.simulation.agenda import Act, Agenda
from app.simulation.answering import DrawingCaller
from app.simulation.model import Simulation
from app.simulation.people import People
from app.simulation.running import Asked, Simulated
from insight.received import Mail, Offer
from nurture.language.text.problems import DefinitionInvalid
from nurture.ledger.copies.memory import open_memory
from nurture.ledger.engine import Ledger
from nurture.webhooks.port import Call
from tests.app.cli.simulating import MODEL, SMALL, TINY

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def simulated(folder: Path, **asked: Any) -> Simulated:
    said = {"leads": 20, "days": 8, "step": 6 * HOUR} | asked
    return running.simulate(
        folder, folder, Asked(date(2026, 3, 2), **said), Settings(), lambda done, total: None
    )


ROWS = {
    "sent": "SELECT count(*) FROM message WHERE kind = 'nurture' AND state = 'sent'",
    "not sent": "SELECT count(*) FROM message WHERE kind = 'nurture' AND state <> 'sent'",
    "most a lead": "SELECT max(n) FROM (SELECT count(*) AS n FROM message WHERE kind = 'nurture'"
    " AND state = 'sent' GROUP BY lead_id)",
    "clicked": "SELECT count(*) FROM engagement WHERE kind = 'email_clicked'",
    "entered": "SELECT count(*) FROM enrolment",
    "handoffs": "SELECT count(*) FROM handoff",
    "with reps": "SELECT count(*) FROM handoff WHERE rep <> '' AND closed_at IS NULL",
    "clocks": "SELECT count(*) FROM clock",
    "leads": "SELECT count(*) FROM lead",
}


def test_the_figures_are_what_the_rows_say(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, int] = {}

    @contextmanager
    def counted() -> Iterator[Ledger]:
        with open_memory() as ledger:
            yield ledger
            with ledger.looking() as session:
                for name, query in ROWS.items():
                    rows[name] = session.execute(text(query)).scalar_one()

    monkeypatch.setattr(running, "open_memory", counted)
    found = simulated(starter).figures
    assert rows["handoffs"] > 0
    assert rows["clicked"] > 0
    assert {
        "sent": found.mail.sent,
        "not sent": sum(line.count for line in found.mail.not_sent),
        "most a lead": found.mail.most_per_lead,
        "clicked": sum(line.clicked for line in found.mail.by_mail),
        "entered": sum(line.entered for line in found.funnel),
        "handoffs": sum(team.opened for team in found.teams),
        "with reps": sum(list(team.days.values())[-1].with_reps for team in found.teams),
        "clocks": sum(clock.started for clock in found.clocks),
        "leads": found.leads,
    } == rows


def test_another_process_says_the_same_bytes(starter: Path) -> None:
    """One whose sets and dictionaries of texts are in another order, too."""
    words = ["simulate", *SMALL, *TINY, "--json", "-w", str(starter)]
    said = [
        subprocess.run(
            [sys.executable, "-c", "from app.cli import main; main()", *words],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]


def people(**said: Any) -> People:
    return People(
        Simulation.model_validate(said), Dice("7"), lambda offer, since, amount: since + amount
    )


def done(acts: Iterator[Act]) -> list[str]:
    return [act.what for act in acts]


def test_shares_of_mails_are_kept_on_average_and_who_clicks_opens() -> None:
    drawn = people(mail={"open": "40%", "click": "10%", "unsubscribe": "5%", "after": "2 hours"})
    mails = [done(drawn.read(Mail(n, n, "welcome", BEGIN))) for n in range(4_000)]
    counts = Counter(what for each in mails for what in each)
    assert counts["open"] == pytest.approx(1_600, abs=120)
    assert counts["click"] == pytest.approx(400, abs=70)
    assert counts["unsubscribe"] == pytest.approx(200, abs=50)
    assert all("open" in each for each in mails if "click" in each)


def test_what_a_mail_says_of_itself_counts_before_what_is_said_of_all() -> None:
    drawn = people(mail={"open": "0%", "of": {"welcome": {"open": "100%", "after": "1 hour"}}})
    assert done(drawn.read(Mail(1, 1, "welcome", BEGIN))) == ["open"]
    assert done(drawn.read(Mail(2, 1, "tips", BEGIN))) == []


def test_habits_come_as_often_as_said_for_as_long_as_said() -> None:
    habit = {"event": "page_viewed", "per_day": 2, "for": "10 days"}
    drawn = people(events=[habit])
    (said,) = drawn.said.events
    count = 0
    for lead in range(200):
        waiting = list(drawn.arrived(lead, BEGIN, (said,)))
        while waiting:
            act = waiting.pop()
            assert act.at <= BEGIN + timedelta(days=10)
            count += 1
            _, times, until = act.detail
            waiting += drawn.again(lead, act.subject, said, act.at, times, until=until)
    assert count == pytest.approx(200 * 20, rel=0.05)


def test_reps_accept_reject_or_are_not_heard_of() -> None:
    sales = {"accept": "50%", "reject": "20%", "reasons": ["not now"], "touch": "100%",
             "won": "100%", "lost": "0%"}  # fmt: skip
    drawn = people(sales=sales)
    offers = [Offer(n, n, 1, BEGIN, "bo", "hours", "UTC") for n in range(2_000)]
    answers = Counter(tuple(done(drawn.answer(offer))) for offer in offers)
    assert answers["accept", "touch", "won"] == pytest.approx(1_000, abs=100)
    assert answers["reject",] == pytest.approx(400, abs=80)
    assert answers.keys() == {("accept", "touch", "won"), ("reject",), ()}
    assert done(people().answer(offers[0])) == [], "nothing is said of sales"


def test_systems_refuse_their_share_and_say_what_was_drawn_at_every_try() -> None:
    answers = {"crm": {"failed": "20%", "answer": {"tier": {"gold": 1, "silver": 3}}}}
    said = Simulation.model_validate({"webhooks": answers}).webhooks
    caller = DrawingCaller(said=said, dice=Dice("7"))

    def answer(name: str, lead: int) -> tuple[str, Any]:
        body = {"timestamp": "2026-03-02", "data": {"step": "flow/1", "lead": {"id": lead}}}
        call = Call(f"call_{lead}", name, "https://a.test/", "a.test", json.dumps(body))
        found = caller.call(call).result()
        return found.verdict, found.said.get("answer.tier")

    counts = Counter(answer("crm", lead) for lead in range(4_000))
    assert counts["failed", None] == pytest.approx(800, abs=100)
    assert counts["done", "gold"] == pytest.approx(800, abs=100)
    assert counts.keys() == {("failed", None), ("done", "gold"), ("done", "silver")}
    assert [answer("crm", 5), answer("erp", 5)] == [answer("crm", 5), ("done", None)]


def test_a_branch_on_what_a_system_answers_is_simulated(starter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(starter, tmp_path / "calling"))
    path = folder / "sequences" / "trial-welcome.yaml"
    steps = """      - webhook: {name: crm, url: "https://crm.example.test/leads"}
      - branch:
          - when: {event: webhook_failed, where: {webhook: crm}}
            steps: [{end: not known}]
"""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("      - send: welcome\n", f"{steps}      - send: welcome\n", 1))
    (folder / "simulation.yaml").write_text(f"{MODEL}webhooks: {{crm: {{failed: 40%}}}}\n")
    found = simulated(folder).figures
    (calls,) = found.calls
    assert (calls.webhook, calls.cancelled, calls.waiting) == ("crm", 0, 0)
    assert 0 < calls.failed < calls.done
    (trial,) = (line for line in found.funnel if line.sequence == "trial-welcome")
    assert trial.completed == calls.failed


def test_an_act_falls_into_the_step_that_ends_at_it_or_after() -> None:
    agenda = Agenda(BEGIN, HOUR, 3)
    acts = [Act(BEGIN + n * HOUR / 2, 1, "open", n) for n in (7, 6, 5, 2, 1, 0)]
    for act in acts:
        agenda.put(act)
    taken = [[act.subject for act in agenda.take(number)] for number in range(4)]
    assert taken == [[0], [1, 2], [], [5, 6]], "7 is after the end"
    assert agenda.take(1) == []


def test_an_answer_of_a_webhook_nobody_calls_is_named(starter: Path, tmp_path: Path) -> None:
    said = tmp_path / "mine.yaml"
    said.write_text(f"{MODEL}webhooks: {{crm: {{failed: 40%}}}}\n")
    with pytest.raises(DefinitionInvalid) as caught:
        simulated(starter, behaviour=said)
    (problem,) = caught.value.problems
    assert str(problem) == (
        'mine.yaml:20:12: simulation/webhooks/crm: no sequence calls a webhook "crm"'
    )
