"""Every route, by every method, for everybody: the table below is the whole of what is open."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute

from app.web.static import FILES
from nurture.ledger import tables as t
from nurture.ledger.access import signing_in
from tests.fixtures_ledger import sending
from tests.web.conftest import Mail, Offer, Place, send
from tests.web.desk_visitors import signed_in
from tests.web.test_clicks import SEEN

# Who may ask for what is the same on every database; what is answered, the other files ask.
pytestmark = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
JSON: dict[str, str] = {
    "/engagements": "[]", "/crm": "[]", "/api/sequences/{name}/enrolments": '{"leads": []}',
}  # fmt: skip
VISITORS = ("loopback", "nobody", "wrong", "ingest", "read", "sales", "operate", "admin", "rep",
            "manager")  # fmt: skip
SALES = {"rep": "bo", "manager": "mia"}
"""Signed in as these: bo has the handoff, mia leads the team."""
LOOKING = {"loopback": 200, "nobody": 401, "wrong": 401, "ingest": 403, "read": 200,
           "sales": 403, "operate": 200, "admin": 200, "rep": 401, "manager": 401}  # fmt: skip
FINDING = {name: 303 if code == 200 else code for name, code in LOOKING.items()}
WRITING = {"loopback": 401, "nobody": 401, "wrong": 401, "ingest": 202, "read": 403,
           "sales": 403, "operate": 202, "admin": 202, "rep": 401, "manager": 401}  # fmt: skip
OPERATING = WRITING | {"ingest": 403, "operate": 404, "admin": 404}  # no such sequence
SEEING = LOOKING | {"loopback": 401, "sales": 200}
TELLING = OPERATING | {"sales": 422, "operate": 422, "admin": 422}  # no such rep
TOLD = ["accept", "reject", "touch", "give", "recycle", "pause", "snooze", "resume", "outcome"]
JSON |= {f"/api/handoffs/{{number}}/{verb}": '{"by": "zoe"}' for verb in TOLD}
API = ("/api/handoffs", "/api/openapi.json", "/api/docs")
INBOX = dict.fromkeys(VISITORS, 303) | dict.fromkeys(SALES, 200)
TABLE: dict[tuple[str, str], Any] = {
    ("GET", "/"): LOOKING,
    ("GET", "/app"): LOOKING,
    ("GET", "/app/lead"): FINDING,
    ("GET", "/leads/{number}"): LOOKING,
    ("GET", "/c/{token}/{link}"): 302,
    ("GET", "/o/{token}.gif"): 200,
    ("GET", "/u/{token}"): 200,
    ("GET", "/h/{token}"): 200,
    ("GET", "/health"): 200,
    ("GET", "/static/app.css"): 200,
    ("GET", "/static/inbox.css"): 200,
    ("GET", "/static/inbox.js"): 200,
    ("GET", "/static/htmx.min.js"): 200,
    ("GET", "/favicon.ico"): 204,
    ("GET", "/sign-in"): 200,
    ("GET", "/sign-in/{token}"): 200,
    ("GET", "/inbox"): INBOX,
    ("GET", "/inbox/list"): INBOX,
    ("GET", "/inbox/team"): INBOX | {"rep": 404},
    ("GET", "/inbox/{handoff}"): INBOX,
    ("GET", "/inbox/{handoff}/{verb}"): INBOX,
    ("GET", "/api/handoffs"): SEEING,
    ("GET", "/api/handoffs/{number}"): SEEING,
    ("GET", "/api/openapi.json"): 200,
    ("GET", "/api/docs"): 200,
    **{("POST", f"/api/handoffs/{{number}}/{verb}"): TELLING for verb in TOLD},
    ("POST", "/engagements"): WRITING,
    ("POST", "/api/sequences/{name}/enrolments"): OPERATING,
    ("POST", "/crm"): 401,  # without a signature
    ("POST", "/u/{token}"): 200,
    ("POST", "/h/{token}"): 422,  # without the nonce of the page
    ("POST", "/sign-in"): 422,
    ("POST", "/sign-in/{token}"): 422,
    ("POST", "/sign-out"): INBOX | dict.fromkeys(SALES, 403),
    ("POST", "/inbox/reps/{rep}/{verb}"): INBOX | {"rep": 404, "manager": 422},
    ("POST", "/inbox/{handoff}/{verb}"): INBOX | {"rep": 422, "manager": 404},
}
"""What a request answers, by visitor where it depends on that.  HEAD is as GET; nothing else is."""


READING = ("SELECT", "BEGIN", "SHOW", "PRAGMA")


def routes(place: Place) -> set[tuple[str, str]]:
    found = set()
    flat: list[Any] = []
    for entry in place.app.routes:
        included = getattr(entry, "original_router", None)
        flat += [entry] if included is None else included.routes
    for route in flat:
        assert isinstance(route, APIRoute), f"{route} is no plain route"
        found |= {(method, route.path) for method in route.methods}
    return found


def test_every_route_is_in_the_table_and_the_other_way_round(place: Place) -> None:
    heads = {("HEAD", path) for method, path in TABLE if method == "GET"}
    assert routes(place) == set(TABLE) | heads


def addresses(place: Place, mail: Mail, offer: Offer) -> dict[str, str]:
    with place.ledger.begin() as session:
        link = signing_in.make_link(session, "bo@example.test", now=place.now)
    return {
        "/": "/", "/app": "/app", "/app/lead": "/app/lead?lead=ann@example.test",
        "/leads/{number}": f"/leads/{mail.lead}", "/c/{token}/{link}": mail.click(),
        "/o/{token}.gif": mail.open, "/u/{token}": mail.unsubscribe,
        "/h/{token}": offer.url("accept"), "/health": "/health",
        "/favicon.ico": "/favicon.ico",
        **{path: path for path in ("/engagements", "/crm", "/sign-in", "/sign-out", "/inbox")},
        **{f"/static/{name}": f"/static/{name}" for name in FILES},
        **{path: path.replace("{number}", "1") for _, path in TABLE if path.startswith(API)},
        "/sign-in/{token}": f"/sign-in/{link}", "/inbox/list": "/inbox/list",
        "/inbox/team": "/inbox/team", "/inbox/reps/{rep}/{verb}": "/inbox/reps/bo/pause",
        "/inbox/{handoff}": f"/inbox/{offer.handoff}",
        "/inbox/{handoff}/{verb}": f"/inbox/{offer.handoff}/accept",
        "/api/sequences/{name}/enrolments": "/api/sequences/trial-welcome/enrolments",
    }  # fmt: skip


@pytest.mark.parametrize("visitor", VISITORS)
def test_the_table_holds(place: Place, offer: Offer, visitor: str) -> None:
    mail = send(place)
    place.app.state.site.base_url = "https://news.example.test"
    how: dict[str, Any] = {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    if visitor != "loopback":
        how |= {"peer": "203.0.113.4", "base": "https://news.example.test"}
    if visitor == "wrong":
        how["headers"] |= {"authorization": f"Bearer abcdefgh_{'x' * 43}"}
    elif visitor in SALES:
        how["headers"] |= signed_in(place, SALES[visitor])
    elif visitor not in ("loopback", "nobody"):
        how["headers"] |= place.token(visitor)
    asked = addresses(place, mail, offer)
    after = place.everything()
    for path, address in asked.items():
        for method in METHODS:
            said = dict(how)
            if method == "POST":
                said["content"] = "List-Unsubscribe=One-Click"
            if path in JSON:
                said["content"] = JSON[path]
                said["headers"] = how["headers"] | {"content-type": "application/json"}
            before = after
            with sending(place.ledger) as sent:
                code = place.ask(method, address, **said).status_code
            wanted = TABLE.get(("GET" if method == "HEAD" else method, path), 405)
            wanted = wanted[visitor] if isinstance(wanted, dict) else wanted
            assert code == wanted, (visitor, method, path)
            if not all(each.startswith(READING) for each in sent):
                after = place.everything()
            if method != "POST":
                written = {name for name in after if before.get(name) != after[name]}
                written |= before.keys() - after.keys()
                assert written <= ({*SEEN} if method == "GET" else set()), (method, path)


@pytest.mark.parametrize(
    "path",
    ["/leads/1/health", "//leads/1", "/leads/..%2fhealth", "/leads/1/", "/health/../leads/1",
     "/docs", "/openapi.json", "/redoc", "/static/../nurture.yaml", "/static/%2e%2e/x",
     "/static/", "/.env", "/app/", "/engagements/"],
)  # fmt: skip
def test_no_path_slips_past_a_route(place: Place, mail: Mail, path: str) -> None:
    answer = place.ask("GET", path, peer="203.0.113.4")
    assert answer.status_code in (401, 404)
    assert "location" not in answer.headers


def test_a_browser_gives_its_token_as_a_password(place: Place) -> None:
    token = place.token("read")["authorization"].split()[1]
    asked = place.ask("GET", "/", peer="203.0.113.4")
    assert asked.headers["www-authenticate"].startswith("Basic")
    answer = place.ask("GET", "/", peer="203.0.113.4", auth=("me", token))
    assert answer.status_code == 200
    assert place.ask("GET", "/", peer="203.0.113.4", auth=("me", "x")).status_code == 401


@pytest.mark.parametrize(
    "header",
    [{"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}, {"via": "1.1 x"},
     {"x-real-ip": "127.0.0.1"}],
)  # fmt: skip
def test_what_a_proxy_passes_on_is_not_this_machine(place: Place, header: dict[str, str]) -> None:
    assert place.ask("GET", "/", headers=header).status_code == 401


def test_the_overview_and_a_leads_page_tell_the_story(place: Place, offer: Offer) -> None:
    mail = send(place)
    home = place.ask("GET", "/")
    for said in ("Funnel", "why-us", "smb", "lead1@example.test", "running"):
        assert said in home.text
    found = place.ask("GET", "/app/lead", params={"lead": "Ann@Example.test"})
    assert found.headers["location"] == f"/leads/{mail.lead}"
    page = place.ask("GET", found.headers["location"])
    assert "ann@example.test became known" in page.text
    assert "why-us: sent" in page.text
    for wrong in ("/leads/999", "/leads/x", "/leads/-1", "/app/lead?lead=nobody", "/app/lead"):
        assert place.ask("GET", wrong).status_code == 404


def test_health_says_how_it_is_and_tells_strangers_no_more_than_that(place: Place) -> None:
    place.told = {"prefect": "answers", "last_tick": "2026-03-02T09:00:00+00:00", "failures": []}
    send(place, state="unknown")
    found = place.ask("GET", "/health").json()
    assert found["status"] == "ok"
    assert found["ledger"]["messages_unknown"] == 1
    assert found["prefect"] == "answers"
    stranger = place.ask("GET", "/health", peer="203.0.113.4")
    assert stranger.json() == {"status": "ok"}
    place.told = {"prefect": "absent"}
    place.site.examined = None
    answer = place.ask("GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert place.rows(t.Engagement) == []
