"""The bytes of a mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32, default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.delivery.mails.compose import (
    ComposedWrong,
    Letter,
    Skeleton,
    assert_as_meant,
    compose,
    message_id,
    skeleton,
)
from nurture.delivery.mails.headers import HeaderRefused, lead_mailbox
from nurture.ledger.address import normal_address
from nurture.ledger.errors import RenderFailed
from tests.delivery.hostile import INJECTIONS

NEWS = normal_address("news@example.test")
ANN = normal_address("ann@example.test")
STEP = skeleton(
    step="trial-welcome/interest/2",
    sender=NEWS,
    sender_name="Müller & Söhne",
    reply_to=normal_address("help@example.test"),
    list_id="tips.example.test",
    one_click=True,
)
LETTER = Letter(
    to=lead_mailbox(ANN, "Ann Lee", brands=()),
    subject="Why teams switch",
    date=datetime(2026, 3, 2, 9, 0, 1, 5, tzinfo=UTC),
    message_id="<abc@example.test>",
    text="Hello\n",
    html="<p>Hello</p>\n",
    unsubscribe=("https://example.test/u/" + "t" * 400, "mailto:u@example.test?subject=t"),
)
NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Reply-To", "List-Id", "Auto-Submitted", "MIME-Version", "Content-Type",
]  # fmt: skip


def assert_round_trip(data: bytes, meant: Skeleton) -> None:
    """The standard library's parser reads what was meant: names in order, one From, To, Subject
    and Message-ID, a text and an HTML part and nothing else, no defects."""
    mail = message_from_bytes(data, policy=compat32)
    assert tuple(name.encode() for name in mail.keys()) == meant.names  # noqa: SIM118 - repeats too
    parts = [part.get_content_type() for part in mail.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    assert all(len(mail.get_all(n, ())) == 1 for n in ("From", "To", "Subject", "Message-ID"))
    assert not [defect for part in mail.walk() for defect in part.defects]
    assert not mail.preamble


def test_a_mail_holds_what_was_meant_and_nothing_else() -> None:
    data = compose(STEP, LETTER)
    assert_round_trip(data, STEP)
    mail = message_from_bytes(data, policy=default)
    assert mail.keys() == NAMES
    assert mail["From"] == "Müller & Söhne <news@example.test>"
    assert mail["Date"] == "Mon, 02 Mar 2026 09:00:01 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_payload()
    assert text.get_content().replace("\r\n", "\n") == "Hello\n"
    assert html.get_content().replace("\r\n", "\n") == "<p>Hello</p>\n"


def test_one_click_unsubscribe_stands_on_one_line_unencoded() -> None:
    head = compose(STEP, LETTER).partition(b"\r\n\r\n")[0].split(b"\r\n")
    https, mailto = LETTER.unsubscribe
    assert f"List-Unsubscribe: <{https}>, <{mailto}>".encode() in head
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head


def test_a_step_with_unsubscribe_sends_no_mail_without_its_link() -> None:
    with pytest.raises(HeaderRefused, match="unsubscribe"):
        compose(STEP, replace(LETTER, unsubscribe=()))
    for foreign in ("http://example.test/u", "http://localhost.example.test/u"):
        with pytest.raises(HeaderRefused, match="https"):
            compose(STEP, replace(LETTER, unsubscribe=(foreign,)))
    assert compose(STEP, replace(LETTER, unsubscribe=("http://127.0.0.1:8000/u/1",)))


def test_a_notice_has_no_unsubscribe_headers() -> None:
    notice = skeleton(step="notice", sender=NEWS, one_click=False)
    data = compose(notice, replace(LETTER, unsubscribe=()))
    assert_round_trip(data, notice)
    assert b"List-Unsubscribe" not in data


@pytest.mark.parametrize("field", ["to", "subject", "text", "html"])
@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
def test_nothing_a_lead_wrote_adds_a_header_or_a_part(value: str, field: str) -> None:
    written = lead_mailbox(ANN, value, brands=()) if field == "to" else f"Hi {value}, welcome"
    changed = {"to": written} if field == "to" else {field: written}
    try:
        data = compose(STEP, replace(LETTER, **changed))  # type: ignore[arg-type]
    except RenderFailed:
        assert field == "subject"
        return
    assert_round_trip(data, STEP)
    mail = message_from_bytes(data, policy=default)
    assert mail.keys() == NAMES
    assert [a.addr_spec for a in mail["To"].addresses] == ["ann@example.test"]
    assert mail["Reply-To"] == "help@example.test"


@pytest.mark.parametrize(
    "raw", ["x\r\nBcc: e@example.test", "x\nBcc: e@example.test", "x\r\n\r\nB"]
)
def test_a_value_that_slipped_past_every_check_is_still_not_sent(raw: str) -> None:
    for changed in (replace(LETTER, to=raw), replace(LETTER, message_id=raw)):
        with pytest.raises(ComposedWrong):
            compose(STEP, changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.replace(b"To: ", b"Cc: ", 1),
        lambda d: d.replace(b"Subject:", b"To: x@example.test\r\nSubject:", 1),
        lambda d: d.replace(b"Subject:", b"\r\nSubject:", 1),
        lambda d: d + b"\n.\r\n",
        lambda d: d.replace(b"Hello", b"He\rllo", 1),
        lambda d: d.replace(b"Hello", b"\0", 1),
        lambda d: d.replace(b"Hello", b"--" + STEP.boundary.encode() + b"\r\n\r\nx", 1),
        lambda d: d[: len(d) // 2],
    ],
)
def test_the_cheap_check_sees_what_the_parser_sees(damage: object) -> None:
    assert callable(damage)
    data = compose(STEP, LETTER)
    with pytest.raises(ComposedWrong):
        assert_as_meant(damage(data), STEP)


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back_as_it_was(text: str, html: str, subject: str) -> None:
    try:
        data = compose(STEP, replace(LETTER, text=text, html=html, subject=subject))
    except HeaderRefused:
        return
    assert_round_trip(data, STEP)
    assert data.isascii()
    assert all(len(line) <= 76 for line in data.split(b"\r\n") if b"List-Unsub" not in line)
    parts = message_from_bytes(data).get_payload()
    for part, said in zip(parts, (text, html), strict=True):
        meant = said.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        got = part.get_payload(decode=True).decode().replace("\r\n", "\n")
        assert got.rstrip("\n") == meant.encode("utf-8", "replace").decode().rstrip("\n")


def test_a_letter_in_another_script_goes_as_base64() -> None:
    data = compose(STEP, replace(LETTER, text="こんにちは" * 400))
    assert data.count(b"Content-Transfer-Encoding: base64") == 1
    assert data.count(b"Content-Transfer-Encoding: quoted-printable") == 1


def test_a_message_id_is_stable_and_names_nobody() -> None:
    def made(key: bytes = b"k" * 32, enrolment: int = 7, step: str = "a/b/1", n: int = 0) -> str:
        return message_id(key, enrolment=enrolment, step=step, occurrence=n, domain="example.test")

    assert made() == made()
    assert made() == "<" + made()[1:33] + "@example.test>"
    assert made()[1:33].isalnum()
    assert len({made(), made(key=b"l" * 32), made(enrolment=8), made(step="a/b/2"), made(n=1)}) == 5


def test_the_skeleton_refuses_a_list_identifier_that_is_none() -> None:
    with pytest.raises(HeaderRefused):
        skeleton(step="x", sender=NEWS, list_id="a b <c>", one_click=False)
    assert isinstance(STEP, Skeleton)
