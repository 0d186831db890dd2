"""What a lead says of itself, in the words a channel is told: it calls nobody and links nowhere."""

from __future__ import annotations

from sqlalchemy import update

from handoff.routing.assignment import assign
from handoff.tables import HANDOFF, LEAD
from handoff.wording import unlinked
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
