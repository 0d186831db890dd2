"""Subjects in variants, and mails from somebody else than the workspace's sender."""

from __future__ import annotations

import email
from collections import Counter
from email.message import Message
from email.policy import default

from sqlalchemy import select
from sqlmodel import Session

from insight import funnel
from nurture.ledger.timeline import timeline
from tests.sequences.play import M, Play
from tests.sequences.texts import HANDOFF, sequence

SEND = """- send:
    email: welcome
    subject: {a: "Why teams switch", b: "{{ lead.first_name }}, three things"}
- send: {email: tips, subject: "Only this", from: {name: Lena, address: lena@example.test}}
"""


def mails(play: Play) -> list[Message]:
    files = sorted((play.folder / "maildir").rglob("new/*"))
    return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]


def test_a_lead_draws_a_subject_and_keeps_it(play: Play) -> None:
    """Also when the mail is sent anew; another step draws anew; the row and the timeline say it."""
    again = "enter: {when: {event: form_submitted}, again: always}"
    play.apply(sequence(SEND, head=again))
    names = [f"lead{number}" for number in range(40)]
    for name in names:
        play.lead(name)
    for day in ("03-02 08:00", "03-05 08:00"):
        play.tick(day)
        for name in names:
            play.event(name, "form_submitted")
        play.until(f"{day[:3]}{int(day[3:5]) + 1:02} 09:00")
    rows = play.rows(select(M.lead_id, M.variant, M.subject, M.sender, M.template).order_by(M.id))
    drawn = {(row.lead_id, row.variant) for row in rows if row.template == "welcome"}
    assert len(drawn) == 40, "the same both times"
    count = Counter(variant for _, variant in drawn)
    assert set(count) == {"a", "b"}
    assert min(count.values()) > 8
    for row in rows:
        if row.template == "welcome":
            name = next(n for n, number in play._ids.items() if number == row.lead_id)
            said = {"a": "Why teams switch", "b": f"{name.capitalize()}, three things"}
            assert row.subject == said[row.variant]
        else:
            assert row[1:4] == ("", "Only this", "lena@example.test")
    lines = play.do(funnel.variants)
    assert [(line.variant, line.sent, line.clicked) for line in lines] == [
        ("a", 2 * count["a"], 0), ("b", 2 * count["b"], 0)
    ]  # fmt: skip
    (first, *_) = (m for m in mails(play) if m["Subject"] == "Only this")
    assert first["From"] == "Lena <lena@example.test>"
    assert first["Reply-To"] is None

    def told(session: Session) -> list[str]:
        lines = timeline(session, play._ids["lead0"])
        return [line.text for line in lines if line.what == "message"]

    assert play.do(told)[0] in (
        "welcome (a) “Why teams switch”: sent", "welcome (b) “Lead0, three things”: sent"
    )  # fmt: skip


def test_the_rep_a_lead_is_with_writes_and_else_the_workspace(play: Play) -> None:
    steps = """- send: {email: welcome, from: owner}
- send: {email: tips, reply_to: owner}
- hand_off: smb
- wait: 1 day
- send: {email: offer, from: owner}
- send: {email: news, reply_to: owner}"""
    play.apply(sequence(steps, head="with_sales: send"), handoff=HANDOFF)
    play.lead()
    play.event("ann", "form_submitted")
    play.tick()
    play.tick("03-02 09:00")
    play.sales("ann", "accept")
    play.until("03-04 09:00")
    rows = play.rows(
        select(M.template, M.sender, M.voice).where(M.kind == "nurture").order_by(M.id)
    )
    assert [tuple(row) for row in rows] == [
        ("welcome", "hello@example.test", "from Example: nobody in sales has the lead"),
        ("tips", "hello@example.test", "answers to Example: nobody in sales has the lead"),
        ("offer", "bo@example.test", "from Bo"),
        ("news", "hello@example.test", "answers to Bo"),
    ]
    said = {m["Subject"]: (m["From"], m["Reply-To"]) for m in mails(play) if "Ann" in m["Subject"]}
    assert said["offer for Ann"] == ("Bo <bo@example.test>", None)
    assert said["news for Ann"] == ("Example <hello@example.test>", "bo@example.test")
