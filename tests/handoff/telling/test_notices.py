"""Notices: one draft for each offer and rung, written once, with everything a rep needs."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import update

from handoff.routing.assignment import assign
from handoff.tables import HANDOFF, LEAD, MESSAGE
from handoff.telling import notice_press
from handoff.telling.letters import NoticeLetter
from handoff.telling.notice_press import NoticePress
from handoff.telling.notices import write_notices
from nurture.delivery.mails.press import Written
from nurture.language.compiled.definitions import Definitions, Template
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import LinkInvalid, RenderFailed
from tests.fixtures_ledger import NOW, counting, kept, make_engagement
from tests.handoff import sales_desk as desk
from tests.handoff.escalation.test_ladder import tick

KEYS = (b"a key of sixteen octets or more",)
FOLDER = Path(__file__).parents[3] / "templates" / "notices"
NAMES = ("offered", "given", "reminder", "manager-late", "recycled")


def shipped(name: str) -> Template:
    """A template of templates/notices; its front matter holds the subject in quotes."""
    _, front, html = (FOLDER / f"{name}.html").read_text().split("---\n", 2)
    subject = front.strip().removeprefix("subject:").strip().strip("'").replace("''", "'")
    text = (FOLDER / f"{name}.txt").read_text()
    return Template(name, subject, "", "", html, text, "")


def press(known: Definitions) -> NoticePress:
    return NoticePress(known, {name: shipped(name) for name in NAMES}, KEYS, NOW)


@pytest.fixture
def known(ledger: Ledger) -> Definitions:
    """One lead with a story, offered to bo."""
    openings = (
        {"when": {"event": "demo_booked"}, "say": "You booked a demo."},
        {"when": {"event": "page_viewed", "where": {"url": "/pricing"}}, "say": "Our prices?"},
        {"say": "Hello."},
    )
    made = desk.set_up(ledger, desk.rules(openings=openings))
    desk.queue(ledger, 1)
    with ledger.begin() as session:
        values = {"first_name": "Ann", "last_name": "Lee", "company": "Lee & Sons", "phone": "+49"}
        session.execute(
            update(LEAD).values(**values, timezone="Asia/Tokyo", attributes={"employees": 40})
        )
        lead = session.get(t.Lead, 1)
        event = make_engagement(session, lead, properties={"url": "/pricing"})
        for number in range(3):
            kept(
                session,
                t.ScoreEntry(
                    lead_id=1, rule="pricing", points=20, at=NOW, reason="looked at prices",
                    engagement_id=event.id if number == 0 else None,
                ),
            )  # fmt: skip
        assign(session, made, now=NOW)
    return made


def written(ledger: Ledger, known: Definitions, **values: object) -> list[t.Message]:
    with ledger.begin() as session:
        write_notices(session, known, now=NOW, writer=press(known))
        return desk.rows(session, MESSAGE, **values)


def test_an_offer_tells_the_rep_who_and_why_and_how_to_answer(
    ledger: Ledger, known: Definitions
) -> None:
    (row,) = written(ledger, known)
    assert (row.kind, row.state, row.recipient) == ("notice", "due", "bo@example.test")
    assert (row.sender, row.template) == ("hello@example.test", "offered")
    mail = message_from_bytes(row.content, policy=policy.default)
    assert mail["Subject"] == row.subject
    assert "Ann Lee" in row.subject
    assert mail["To"] == "Bo <bo@example.test>"
    assert mail["Message-ID"] == row.message_id
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    for part in (
        "Lee & Sons", "+49", "80 points", "Our prices?",
        "looked at prices 3 times in the last minute (+60)", "18:00",
        "page viewed: /pricing", "Employees: 40", "Mon 2 Mar 14:00",
    ):  # fmt: skip
        assert part in text, part
    links = [word for word in text.split() if word.startswith("http://127.0.0.1:8000/h/")]
    verbs = {notice_press.read(KEYS, link.rpartition("/")[2]) for link in links}
    assert {("accept", 1, 1), ("reject", 1, 1), ("page", 1, 1)} <= verbs


def test_a_token_is_good_for_its_own_verb_alone() -> None:
    token = notice_press.links.sign(KEYS, notice_press.PURPOSES["accept"], 7, 2)
    assert notice_press.read(KEYS, token) == ("accept", 7, 2)
    swapped = "B" + token[1:] if token[0] != "B" else "C" + token[1:]
    foreign = notice_press.links.sign(KEYS, "unsubscribe", 7, 2)
    for wrong in (swapped, foreign, token + "A", "", "../etc"):
        with pytest.raises(LinkInvalid):
            notice_press.read(KEYS, wrong)


def test_written_once_and_by_the_same_message_id(ledger: Ledger, known: Definitions) -> None:
    (first,) = written(ledger, known)
    again = written(ledger, known)
    assert again == [first]
    with ledger.begin() as session:
        session.execute(update(MESSAGE).values(kind="draft", content=None, message_id=""))
    (anew,) = written(ledger, known)
    assert (anew.message_id, anew.content) == (first.message_id, first.content)


def test_every_rung_tells_somebody_with_the_shipped_templates(
    ledger: Ledger, known: Definitions
) -> None:
    for hours in (2, 4, 6, 29, 60, 90):
        tick(ledger, known, NOW + timedelta(hours=hours))
    with ledger.begin() as session:
        tally = write_notices(session, known, now=NOW + timedelta(days=9), writer=press(known))
        rows = desk.rows(session, MESSAGE)
    assert tally.total("notices that cannot be written") == 0
    assert {row.template for row in rows} == set(NAMES)
    assert {row.kind for row in rows} == {"notice"}
    assert len({row.message_id for row in rows}) == len(rows)
    assert all(row.content and row.subject for row in rows)


def test_a_hostile_lead_changes_no_header_and_no_markup(ledger: Ledger, known: Definitions) -> None:
    with ledger.begin() as session:
        session.execute(
            update(LEAD).values(
                first_name="{{7*7}}<script>x</script>",
                last_name="\r\nBcc: eve@example.test",
                company="\u202eevil",
            )
        )
    (row,) = written(ledger, known)
    mail = message_from_bytes(row.content, policy=policy.default)
    assert mail["Bcc"] is None
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>x" not in html.get_content()
    assert "{{7*7}}" in row.subject


def test_a_notice_that_cannot_be_written_names_its_reason_and_stops_no_other(
    ledger: Ledger, known: Definitions
) -> None:
    desk.queue(ledger, 2, first=10)
    with ledger.begin() as session:
        assign(session, known, now=NOW)

    def writer(letter: NoticeLetter) -> Written:
        if letter.handoff == 2:
            raise RenderFailed("offered, line 3: it divides by zero.")
        return press(known)(letter)

    with ledger.begin() as session:
        tally = write_notices(session, known, now=NOW, writer=writer)
        states = [(row.state, row.reason) for row in desk.rows(session, MESSAGE)]
    assert tally.total("notices written") == 2
    assert states[1] == ("render_failed", "offered, line 3: it divides by zero.")
    assert [state for state, _ in states] == ["due", "render_failed", "due"]


def test_a_hundred_are_written_in_as_many_statements_as_one(
    ledger: Ledger, known: Definitions
) -> None:
    with counting(ledger) as few:
        written(ledger, known)
    desk.queue(ledger, 40, first=10)
    with ledger.begin() as session:
        session.execute(update(HANDOFF).values(opened_at=NOW))
        assign(session, known, now=NOW)
    with counting(ledger) as many:
        written(ledger, known)
    assert len(many) <= len(few) + 1  # executemany of the bytes may be cut in two
