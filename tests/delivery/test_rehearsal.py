"""The press of rehearsals: what it says of a mail is what the real one would say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from nurture.delivery.mails.press import Press
from nurture.delivery.rehearsal import SparingPress
from nurture.language.compiled.definitions import Definitions, Template
from nurture.language.files.scoring import Scoring
from nurture.language.files.workspace import Workspace
from nurture.ledger.errors import RenderFailed

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEYS = (b"k" * 32,)
HTML = (
    "<p>{{ lead.first_name }}, {{ 600 / lead.employees }}</p>"
    '<a href="{{ unsubscribe_url }}">x</a>'
)


def row(number: int, **said: Any) -> Mapping[str, Any]:
    return {
        "id": number, "kind": "nurture", "enrolment_id": number, "step": "send:welcome#1",
        "occurrence": 1, "template": "welcome", "recipient": "", "sender": "", "subject": "",
        "message_id": "", "content": None, "email": f"lead{number}@example.test",
        "first_name": "Ann", "last_name": "Abel", "company": "", "job_title": "", "phone": "",
        "country": "", "language": "", "attributes": {"employees": 3},
    } | said  # fmt: skip


@pytest.fixture
def definitions() -> Definitions:
    workspace = Workspace.model_validate(
        {
            "brand": "Brindlow",
            "sender": {"name": "Lena", "address": "lena@example.test", "postal": "Depot 7"},
            "base_url": "https://mail.example.test",
            "zone": "Europe/Berlin",
            "fields": {"employees": "number"},
            "topics": {},
        }
    )
    subject = "{{ lead.first_name }}, hello"
    template = Template("welcome", subject, "", "", HTML, "", "hash")
    return Definitions(workspace, Scoring(), None, 0, {}, {}, {"welcome": template})


@pytest.fixture
def presses(definitions: Definitions) -> tuple[Press, SparingPress]:
    return Press(definitions, KEYS, lambda url: 1), SparingPress(definitions, KEYS, lambda url: 1)


def test_its_mails_are_those_of_the_real_one_without_their_bytes(
    presses: tuple[Press, SparingPress],
) -> None:
    real, sparing = presses
    for each in (row(1), row(2), row(3, first_name="Bo"), row(4, attributes={"employees": 8})):
        mail, short = real.write(each, now=NOW), sparing.write(each, now=NOW)
        assert short.content == b""
        assert vars(mail) | {"content": b""} == vars(short)


def test_it_writes_one_mail_for_all_that_read_the_same(
    presses: tuple[Press, SparingPress], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sparing = presses
    written = []
    whole = Press.write

    def counted(self: Press, row: Mapping[str, Any], *, now: datetime) -> Any:
        written.append(row["id"])
        return whole(self, row, now=now)

    monkeypatch.setattr(Press, "write", counted)
    rows = [row(1), row(2, phone="1"), row(3, first_name="Bo"), row(4, attributes={"employees": 5})]
    for each in rows:
        sparing.write(each, now=NOW)
    assert written == [1, 3, 4], "the phone is not read"


def test_a_mail_that_cannot_be_written_is_refused_for_each_lead_it_concerns(
    presses: tuple[Press, SparingPress],
) -> None:
    _, sparing = presses
    assert sparing.write(row(1), now=NOW).subject == "Ann, hello"
    for number in (2, 3):
        with pytest.raises(RenderFailed):
            sparing.write(row(number, attributes={"employees": 0}), now=NOW)
    assert sparing.write(row(4), now=NOW).subject == "Ann, hello"
