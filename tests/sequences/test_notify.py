"""The notify step: who is told, how long the lead stays, and what is told once more."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import func, select

from app.telling.notice_forms import notice_templates
from nurture.language.grammar.vocabulary import NOTICES, SHIPPED_NOTICES, TOLD_NOTICES
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from tests.sequences.play import Play
from tests.sequences.test_sets import crowd, walk
from tests.sequences.texts import HANDOFF, sequence

M, E = (table_of(model).c for model in (t.Message, t.Enrolment))
TO = "- notify: {team: smb, notice: warm, to: %s}\n- send: tips"


def notices(play: Play) -> list[tuple[str, str]]:
    rows = select(M.recipient, M.state).where(M.kind.in_(("notice", "draft"))).order_by(M.id)
    return [tuple(row) for row in play.rows(rows)]


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("manager", ["mia@example.test"]),
        ("reps", ["cy@example.test", "bo@example.test"]),
        ("owner", ["mia@example.test"]),
    ],
)
def test_a_team_is_told_and_the_lead_goes_on_in_the_same_tick(
    play: Play, to: str, recipients: list[str]
) -> None:
    play.apply(sequence(TO % to), handoff=HANDOFF)
    play.lead(attributes={"employees": 40})
    play.event("ann", "form_submitted")
    play.tick()
    assert notices(play) == [(each, "sent") for each in recipients]
    assert play.sent() == [("tips", "03-02 08:00")]
    assert play.rows(select(func.count()).select_from(t.Handoff)) == [(0,)]
    files = sorted((play.folder / "maildir" / "new").iterdir())
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    told = [mail for mail in mails if str(mail["subject"]).startswith("Warm lead: Ann")]
    assert {str(mail["to"].addresses[0].addr_spec) for mail in told} == set(recipients)
    text = told[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Hi Mia," in text or "Hi Bo," in text or "Hi Cy," in text
    assert "team smb, asked by flow" in text
    assert "Employees: 40" in text
    assert "/h/" not in text


def test_every_notice_a_step_may_name_is_shipped() -> None:
    told = {f"{name}.chat" for name in TOLD_NOTICES}
    others = told | {"digest", "sign-in"}
    assert set(NOTICES) <= set(SHIPPED_NOTICES) == notice_templates().keys() - others
    assert told <= notice_templates().keys()


def test_a_notice_of_the_workspace_says_what_its_template_says(play: Play) -> None:
    (play.folder / "templates" / "notices").mkdir()
    play.write(
        "templates/notices/missed.html",
        "---\nsubject: Missed by {{ lead.first_name }}\n---\n"
        "<p>{{ lead.name }}: {{ score.total | round | int }} points. {{ manager.name }},"
        " {{ handoff.team }}{% for what in timeline %}, {{ what.text }}{% endfor %}</p>\n",
    )
    step = "- notify: {team: smb, notice: %s}\n- wait: 1 day\n"
    play.apply(sequence(step % "missed" + step % "warm"), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-04 08:00")
    told = select(M.template, M.state).where(M.kind == "notice").order_by(M.id)
    assert [tuple(row) for row in play.rows(told)] == [("missed", "sent"), ("warm", "sent")]
    files = (play.folder / "maildir" / "new").iterdir()
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    (mail,) = (each for each in mails if each["subject"] == "Missed by Ann")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Ann: 0 points. Mia, smb, form submitted" in " ".join(text.split())


def test_a_lead_that_was_with_a_rep_is_told_to_that_rep(play: Play) -> None:
    steps = "- hand_off: smb\n- wait: 3 days\n- notify: {team: smb, to: owner}"
    play.apply(sequence(steps), handoff=HANDOFF)
    play.lead()
    play.tick("03-02 10:00")
    play.event("ann", "form_submitted")
    play.tick()
    rep = play.handoff("ann").rep
    play.sales("ann", "reject", by=rep, reason="not now")
    play.until("03-05 10:00")
    told = select(M.recipient).where(M.template == "warm")
    assert play.rows(told) == [(f"{rep}@example.test",)]


def test_a_window_holds_a_notice_and_nothing_is_due_meanwhile(play: Play) -> None:
    timing = "timing: {window: {calendar: office}}"
    play.apply(sequence(TO % "manager", head=timing), handoff=HANDOFF)
    play.lead()
    play.tick("03-02 20:00")
    play.event("ann", "form_submitted")
    outcome = play.tick()
    assert outcome.next_due is not None
    assert outcome.next_due > play.now
    assert notices(play) == [("mia@example.test", "due")]
    play.until("03-03 09:00")
    assert notices(play) == [("mia@example.test", "sent")]
    assert play.sent() == [("tips", "03-03 09:00")]


def test_where_nobody_is_left_to_tell_or_no_notice_can_be_written_the_lead_goes_on(
    play: Play,
) -> None:
    play.apply(sequence("- wait: 1 day\n" + TO % "reps"), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    # The team is gone, and with it the step, but for those on their way.
    play.apply(sequence("- send: tips"), handoff=HANDOFF.replace("smb", "other"))
    play.until("03-03 08:00")
    assert notices(play) == []
    assert play.state() == "completed"


def test_an_address_no_mail_goes_to_holds_nobody(play: Play) -> None:
    play.apply(sequence(TO % "manager"), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    definitions = play.definitions()
    walk(play, play.now)
    with play.ledger.begin() as session:
        session.execute(table_of(t.Message).update().values(recipient="nobody"))
    assert definitions.handoff is not None
    play.tick()
    assert notices(play) == [("nobody", "render_failed")]
    assert play.state() == "completed"


def test_a_crowd_is_told_of_in_as_many_statements_as_one_lead(play: Play) -> None:
    play.apply(sequence(TO % "reps"), handoff=HANDOFF)
    crowd(play, 30)
    walk(play, play.now)
    held = select(func.count()).where(M.kind == "draft")
    assert play.rows(held) == [(60,)]
    assert play.rows(held.where(M.enrolment_id.is_not(None))) == [(30,)]
    play.tick()
    assert play.rows(select(E.state, func.count()).group_by(E.state)) == [("completed", 30)]


def test_a_step_gone_to_again_tells_nobody_twice(play: Play) -> None:
    steps: Any = "- {id: tell, notify: smb}\n- wait: 1 day\n- goto: {step: tell, at_most: 2}"
    play.apply(sequence(steps), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.until("03-06 08:00")
    assert notices(play) == [("mia@example.test", "sent")]
    assert play.state() == "completed"
