"""Files as they come: cut off, misquoted, wrongly encoded, or meant to do harm."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from nurture.ledger import tables as t
from nurture.ledger.errors import InputRefused
from tests.ledger.desk import Desk


@pytest.mark.parametrize(
    ("content", "mapping", "said"),
    [
        ("email,Email\na,b\n", {}, "names 'Email' twice"),
        ("e mail,E_mail,x\na,b,c\n", {}, "Two columns mean email"),
        ("mail\na\n", {"email": "mial"}, "no column 'mial'. Did you mean 'mail'"),
        ("mail\na\n", {"email": "{id}@example.test"}, "no column 'id'"),
        ("id,email\n1,a\n", {"emial": "email"}, "no field 'emial'. Did you mean 'email'"),
        ("mail\na\n", {}, "has no column for email or external_id"),
        ("spend\n3\n", {}, "--map email=COLUMN or --map external_id=COLUMN"),
        ("spend\n3\n", {}, "put a column of numbers into the file first"),
        ("", {}, "is empty"),
        (b"email\nann@example.test\ngr\xfcn@example.test\n", {}, r"line 3, byte 3 \(0xfc, 26 of"),
        ("email\na\n".encode("utf-16"), {}, "line 1, byte 1 .*--encoding"),
        ('"email,name\na,b\n', {}, "never closes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    desk: Desk, content: str | bytes, mapping: Mapping[str, str], said: str
) -> None:
    with pytest.raises(InputRefused, match=said):
        desk.leads(content, mapping=mapping)
    assert desk.all(t.Lead) == []


def test_a_wide_header_is_told_in_part(desk: Desk) -> None:
    header = ",".join(f"c{place}" for place in range(1, 31))
    with pytest.raises(InputRefused, match="c1, .*, c20 and 10 more"):
        desk.leads(f"{header}\n")


def test_a_log_of_one_kind_is_told_its_kind(desk: Desk) -> None:
    log = "email,occurred_at,kind\na@example.test,2026-03-01T10:00:00Z,{}\n"
    bare = "email,occurred_at\na@example.test,2026-03-01T10:00:00Z\n"
    with pytest.raises(InputRefused, match=r"column for kind.*--kind email_opened"):
        desk.events(bare)
    desk.events(bare, kind="email_opened")
    desk.events(log.format("email_clicked"), kind="email_opened")
    assert [one.kind for one in desk.all(t.Engagement)] == ["email_opened", "email_clicked"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("\ufeffemail;company\nann@example.test;Grün, Söhne\n", {}),
        ("email\tcompany\nann@example.test\tGrün, Söhne\n", {}),
        ("email|company\nann@example.test|Grün, Söhne\n", {"delimiter": "|"}),
        ('email,company\rann@example.test,"Grün, Söhne"\r', {}),
        ("email;company\nann@example.test;Grün, Söhne\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("email;company\nann@example.test;Grün, Söhne\n".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_marks_delimiters_and_declared_encodings(
    desk: Desk, content: str | bytes, options: dict[str, str]
) -> None:
    assert desk.leads(content, **options).imported == 1
    [lead] = desk.all(t.Lead)
    assert (lead.email, lead.company) == ("ann@example.test", "Grün, Söhne")


HOSTILE = [
    ("a@example.test,\0,x", "NUL"),
    ("a@example.test,x", "2 cells where the header has 3"),
    ("a@example.test,x,y,z", "4 cells where the header has 3"),
    (f"a@example.test,{'n' * 10_000},x", "first_name is 10000 characters long, 200 is the most"),
    (f"a@example.test,x,{'n' * 1_000_000}", "a cell is longer than 32768"),
    ('a@example.test,"two\nlines",x', "first_name holds a line break"),
    ("a@example.test,\x1b[31m,x", "control character U+001B"),
    ("nobody,x,y", "it has no @"),
    (",x,y", "neither an address nor an external id"),
    ('a@example.test,"x"y,z', "not CSV"),
]


@pytest.mark.parametrize(("row", "reason"), HOSTILE)
def test_a_bad_row_is_rejected_with_line_and_reason_and_the_rest_imported(
    desk: Desk, row: str, reason: str
) -> None:
    report = desk.leads(f"email,first_name,note\nb@example.test,B,1\n{row}\nc@example.test,C,2\n")
    assert (report.imported, report.rejected, report.read) == (2, 1, 3)
    assert report.reject_file == str(desk.rejects)
    [rejected] = desk.rejected()
    assert rejected["line"] == "3"
    assert reason in rejected["reason"]


def test_an_unclosed_quote_costs_its_own_row_alone(desk: Desk) -> None:
    rows = [f"l{number}@example.test,x" for number in range(3000)]
    rows[10] = 'l10@example.test,"never closed'
    report = desk.leads("\n".join(["email,note", *rows]) + "\n")
    assert (report.read, report.imported, report.rejected) == (3000, 2999, 1)
    [rejected] = desk.rejected()
    assert rejected["line"] == "12"
    assert "quote" in rejected["reason"]


def test_a_quote_closing_in_a_later_row_swallows_nothing(desk: Desk) -> None:
    report = desk.leads('email,note\na@example.test,"x\nb@example.test,"y"\nc@example.test,z\n')
    assert (report.imported, report.rejected) == (2, 1)
    assert [row["line"] for row in desk.rejected()] == ["2"]


def test_an_unnamed_column_is_ignored_while_empty_and_kept_under_its_place(desk: Desk) -> None:
    desk.leads("email,\na@example.test,\nb@example.test,seen\n")
    assert [lead.attributes for lead in desk.all(t.Lead)] == [{}, {"column 2": "seen"}]


def test_formulas_stay_text_and_are_escaped_in_the_reject_file(desk: Desk) -> None:
    desk.leads('email,note\na@example.test,=cmd|calc\nnobody,"=cmd|calc"\n')
    [lead] = desk.all(t.Lead)
    assert lead.attributes == {"note": "=cmd|calc"}
    assert desk.rejected()[0]["note"] == "'=cmd|calc"


def test_marks_that_turn_the_writing_direction_are_taken_out_of_names(desk: Desk) -> None:
    desk.leads("email,first_name,company\na@example.test,An\u202en\u200b,مى\u200cخواهم\n")
    [lead] = desk.all(t.Lead)
    assert (lead.first_name, lead.company) == ("Ann", "مى\u200cخواهم")
