"""Words of strangers as they are kept, and as a channel is told them: nobody is called by them."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from handoff.routing.assignment import assign
from handoff.tables import HANDOFF, LEAD
from handoff.wording import reason, unlinked
from tests.fixtures_ledger import NOW
from tests.handoff import sales_desk as desk
from tests.handoff.telling.office import Office

HOSTILE = (
    "<!channel> @here <https://evil.example.test|Ann> [x](http://evil.test) *b* _i_ `c` ~s~ #ops"
    " <at>everyone</at>\nwww.evil.test {{7*7}} \u202eevil"
)


def test_a_hostile_lead_calls_nobody_and_leads_nowhere(office: Office) -> None:
    desk.queue(office.ledger, 1)
    with office.ledger.begin() as session:
        values = dict.fromkeys(("first_name", "company", "job_title", "country"), HOSTILE)
        session.execute(update(LEAD).values(**values))
        session.execute(update(HANDOFF).values(reason=HOSTILE))
        assign(session, office.known, now=NOW)
    office.tick()
    (told,) = office.notifier.told
    ours = [word for word in told.text.split() if word.startswith("http://127.0.0.1:8000/h/")]
    assert len(ours) == 3
    rest = told.title + told.text
    for link in ours:
        rest = rest.replace(link, "")
    for mark in ("<", ">", "@", "[", "]", "*", "_", "`", "~", "#", "://", "evil.", "\u202e", "{"):
        assert mark not in rest, mark
    assert len(told.title.splitlines()) == 1


def test_names_stay_readable() -> None:
    assert unlinked("Dr. Ann O'Neill-Lee, Lee & Sons (Berlin), 50 %") == (
        "Dr. Ann O'Neill-Lee, Lee & Sons (Berlin), 50 %"
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("BAD TIMING", "bad timing"),
        ("Bad timing: in May", "bad timing: in May"),
        ("bad timing:", "bad timing"),
        ("bad timings", "bad timings"),
        ("GROSS: ja", "groß: ja"),
        ("a: b: c", "A: B: c"),
    ],
)
def test_a_note_behind_a_reason_leaves_the_reason_as_it_is_listed(said: str, kept: str) -> None:
    assert reason(said, ["bad timing", "groß", "A: B"]) == kept
