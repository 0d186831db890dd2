"""What may stand in a header, and how it is spelt."""

from __future__ import annotations

from email import message_from_string
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nurture.delivery.mails.headers import (
    HeaderRefused,
    display_name,
    lead_mailbox,
    mailbox,
    safe_header,
    unstructured,
    url_header,
)
from nurture.ledger.address import normal_address
from tests.delivery.hostile import INJECTIONS

ANN = normal_address("ann@example.test")


@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
def test_no_value_holds_a_line_break_or_anything_invisible(value: str) -> None:
    try:
        clean = safe_header(value)
    except HeaderRefused:
        return
    assert clean.isprintable()
    assert len(clean) <= 500
    assert not ("=?" in clean and "?=" in clean[clean.find("=?") + 2 :])


@pytest.mark.parametrize("value", [v for v in INJECTIONS if "=?" in v.replace("\0", "")], ids=ascii)
def test_an_encoded_word_is_refused(value: str) -> None:
    with pytest.raises(HeaderRefused, match="decode"):
        safe_header(value)


def test_a_name_of_ten_thousand_characters_is_refused() -> None:
    with pytest.raises(HeaderRefused, match="10000 characters"):
        safe_header("x" * 10_000)


def test_bidirectional_marks_go_and_letters_stay() -> None:
    assert safe_header("\u202eAnn\u202c \u05d3\u05e0\u05d4") == "Ann \u05d3\u05e0\u05d4"
    assert safe_header("Jose\u0301") == "José"


@given(st.text(max_size=300))
@example("=?utf-8?q?a?=")
@example("\r\n")
@example("?= =?")
@settings(max_examples=300, deadline=None)
def test_a_subject_reads_as_it_was_meant(value: str) -> None:
    try:
        clean = safe_header(value)
        line = unstructured("Subject", value)
    except HeaderRefused:
        return
    assert line.isascii()
    lines = f"Subject: {line}".split("\r\n")
    assert all(len(part) <= 76 for part in lines)
    assert all(part.startswith(" ") for part in lines[1:])
    assert "\n" not in line.replace("\r\n", "")
    mail = message_from_string(f"Subject: {line}\r\n\r\n")
    assert str(make_header(decode_header(mail["Subject"]))).replace("\r\n", "") == clean


@pytest.mark.parametrize("name", ["Ann Lee", "Lee, Ann", 'A "B" C', "Jürgen Müller", "李" * 60, ""])
def test_a_mailbox_reads_as_name_and_address(name: str) -> None:
    mail = message_from_string(f"To: {mailbox(ANN, name)}\r\n\r\n")
    # `parseaddr` of the decoded text would be fooled; this takes the spelling apart first.
    shown, address = parseaddr(mail["To"].replace("\r\n", ""))
    assert (str(make_header(decode_header(shown))), address) == (name, "ann@example.test")


@pytest.mark.parametrize(
    "name",
    [
        "ann@example.test",
        "Eve <a@example.test>",
        "Acme GmbH",
        "ＡＣＭＥ",
        "a.c.m.e support",
        "x" * 201,
    ],
)
def test_a_name_that_passes_for_another_is_left_out_and_the_mail_still_goes(name: str) -> None:
    with pytest.raises(HeaderRefused):
        display_name(name, brands=("Acme", "acme.test"))
    assert lead_mailbox(ANN, name, brands=("Acme", "acme.test")) == "ann@example.test"


@pytest.mark.parametrize("name", INJECTIONS, ids=ascii)
def test_no_name_adds_a_recipient(name: str) -> None:
    line = lead_mailbox(ANN, name, brands=("Acme",))
    mail = message_from_string(f"To: {line}\r\nX-End: 1\r\n\r\n", policy=default)
    assert [a.addr_spec for a in mail["To"].addresses] == ["ann@example.test"]
    assert mail.keys() == ["To", "X-End"]


def test_long_links_stay_on_one_line_as_they_are() -> None:
    url = "https://example.test/u/" + "x" * 400
    assert url_header([url, "mailto:u@example.test"]) == f"<{url}>, <mailto:u@example.test>"


@pytest.mark.parametrize(
    "url",
    ["https://example.test/\r\nBcc: x", "https://example.test/ x", "https://x/>,<mailto:e@x",
     "https://exämple.test", "https://example.test/" + "x" * 1000],
)  # fmt: skip
def test_a_link_that_would_break_its_header_is_refused(url: str) -> None:
    with pytest.raises(HeaderRefused):
        url_header([url])
