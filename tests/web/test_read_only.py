"""The app over a finished story: everything is shown, nothing is changed."""

from __future__ import annotations

from tests.fixtures_ledger import sending
from tests.web.conftest import Offer, Place, send
from tests.web.test_routes import METHODS, READING, TABLE, addresses

CHANGING = {path for method, path in TABLE if method == "POST"}


def test_every_route_that_changes_something_refuses_and_no_other_writes(
    place: Place, offer: Offer
) -> None:
    mail = send(place)
    place.site.read_only = True
    admin = place.token("admin")
    asked = addresses(place, mail, offer)
    before = place.everything()
    shown = 0
    for path, address in asked.items():
        kind = "application/json" if path == "/engagements" else "application/x-www-form-urlencoded"
        content = "[]" if path == "/engagements" else "List-Unsubscribe=One-Click"
        for method in METHODS:
            said = {"content": content} if method == "POST" else {}
            headers = admin | {"content-type": kind}
            with sending(place.ledger) as sent:
                code = place.ask(method, address, headers=headers, **said).status_code
            if method == "POST" and path in CHANGING:
                assert code == 403, (path, code)
            elif method == "GET":
                shown += code < 400
            if not all(each.startswith(READING) for each in sent):
                assert place.everything() == before, (method, path)
    assert place.everything() == before
    assert shown == len(TABLE) - len(CHANGING)
