"""Links sign in once, in the browser that asked; sessions end, and can be ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.access import signing_in
from nurture.ledger.access.signing_in import IDLE, LINK_LIVES, LONGEST
from nurture.ledger.engine import Ledger
from nurture.ledger.upkeep import upkeep
from tests.fixtures_ledger import NOW

BO, BROWSER = "bo@example.test", "the secret of a browser"
SECOND = timedelta(seconds=1)


def link(session: Session, token: str | None, *, browser: str = BROWSER, now: Any = NOW) -> Any:
    assert token
    return signing_in.find_link(session, token, browser=browser, now=now)


def begun(session: Session, *, now: Any = NOW) -> str:
    token = signing_in.make_link(session, BO, now=now)
    text = signing_in.use_link(session, link(session, token, now=now), now=now)
    assert text
    return text


def test_a_link_is_used_up_once_and_rows_hold_no_secret(ledger: Ledger) -> None:
    with ledger.begin() as session:
        token = signing_in.make_link(session, BO, browser=BROWSER, now=NOW)
        found = link(session, token)
        assert (found.email, found.state) == (BO, "good")
        cookie = signing_in.use_link(session, found, now=NOW)
        assert cookie
        assert signing_in.use_link(session, found, now=NOW) is None
        assert link(session, token).state == "used"
        kept = repr([*session.execute(select(t.SignIn.__table__)),
                     *session.execute(select(t.WebSession.__table__))])  # fmt: skip
        for secret in (str(token), cookie):
            assert secret.split("_", 1)[1] not in kept
        assert BROWSER not in kept
        signed = signing_in.find_session(session, cookie, now=NOW)
        assert signed
        assert (signed.email, signed.stale) == (BO, False)


@pytest.mark.parametrize(
    ("browser", "after", "state"),
    [
        (BROWSER, LINK_LIVES - SECOND, "good"),
        (BROWSER, LINK_LIVES, "over"),
        ("another browser", SECOND, "elsewhere"),
        ("", SECOND, "elsewhere"),
    ],
)
def test_a_link_is_good_for_a_while_in_the_browser_that_asked(
    ledger: Ledger, browser: str, after: timedelta, state: str
) -> None:
    with ledger.begin() as session:
        token = signing_in.make_link(session, BO, browser=BROWSER, now=NOW)
        found = link(session, token, browser=browser, now=NOW + after)
        assert found.state == state
        used = signing_in.use_link(session, found, now=NOW + after)
        assert (used is not None) == (state == "good")


def test_wrong_links_and_cookies_are_nobodys(ledger: Ledger) -> None:
    with ledger.begin() as session:
        token = str(signing_in.make_link(session, BO, now=NOW))
        cookie = begun(session)
        for given in ("", "x", token[:-1] + "!", token[:9] + cookie[9:], "\ud800", "a" * 9999):
            assert signing_in.find_link(session, given, browser="", now=NOW) is None
            assert signing_in.find_session(session, given, now=NOW) is None


def asked(session: Session, at: datetime, network: str = "198.51.100.0/24", who: str = BO) -> bool:
    """Whether a network that asks gets a link."""
    how: dict[str, Any] = {"browser": BROWSER, "network": network, "now": at}
    return signing_in.make_link(session, who, **how) is not None


def test_a_network_gets_three_links_for_an_address_in_a_quarter_of_an_hour(ledger: Ledger) -> None:
    with ledger.begin() as session:
        made = [asked(session, NOW + number * SECOND) for number in range(5)]
        assert made == [True, True, True, False, False]
        assert asked(session, NOW, "203.0.113.0/24"), "another network is not kept from one"
        assert asked(session, NOW, who="cy@example.test")
        assert asked(session, NOW + LINK_LIVES + SECOND)
        assert signing_in.make_link(session, BO, now=NOW), "who has the machine is not limited"


def test_two_networks_that_never_stop_keep_nobody_out(ledger: Ledger) -> None:
    minutes = [NOW + timedelta(minutes=number) for number in range(120)]
    with ledger.begin() as session:
        for at in minutes:
            for network in ("198.51.100.0/24", "203.0.113.0/24"):
                asked(session, at, network)
            assert at.minute or asked(session, at, "192.0.2.0/24")


def test_an_address_gets_thirty_links_an_hour_from_wherever(ledger: Ledger) -> None:
    with ledger.begin() as session:
        networks = [f"198.51.{number}.0/24" for number in range(40)]
        assert sum(asked(session, NOW, network) for network in networks) == signing_in.IN_ALL
        assert not asked(session, NOW + signing_in.COUNTED - SECOND)
        assert asked(session, NOW + signing_in.COUNTED)
        assert asked(session, NOW, who="cy@example.test")


def test_a_session_ends_when_idle_and_after_two_weeks(ledger: Ledger) -> None:
    with ledger.begin() as session:
        cookie = begun(session)
        at = NOW + IDLE
        assert signing_in.find_session(session, cookie, now=at) is None
        at -= SECOND
        signed = signing_in.find_session(session, cookie, now=at)
        assert signed
        assert signed.stale
        while at < NOW + LONGEST:
            signing_in.note_seen(session, signed.number, now=at)
            fresh = signing_in.find_session(session, cookie, now=at)
            assert fresh
            assert not fresh.stale
            at += IDLE - SECOND
        assert signing_in.find_session(session, cookie, now=NOW + LONGEST) is None
        at = NOW + LONGEST - SECOND
        assert signing_in.find_session(session, cookie, now=at)


def test_signing_out_ends_one_session_or_all_and_the_links(ledger: Ledger) -> None:
    with ledger.begin() as session:
        first, second, other = begun(session), begun(session), begun(session)
        token = signing_in.make_link(session, BO, now=NOW)
        signed = signing_in.find_session(session, first, now=NOW)
        assert signed
        assert signing_in.sign_out(session, signed, everywhere=False, now=NOW) == 1
        assert signing_in.find_session(session, first, now=NOW) is None
        assert signing_in.find_session(session, second, now=NOW)
        assert link(session, token).state == "good"
        assert signing_in.sign_out(session, signed, everywhere=True, now=NOW) == 2
        assert signing_in.find_session(session, other, now=NOW) is None
        assert link(session, token).state == "used"


def test_upkeep_drops_what_was_over_a_day_ago(ledger: Ledger) -> None:
    with ledger.begin() as session:
        begun(session)
        early = NOW + LINK_LIVES + timedelta(days=1)
        assert upkeep(session, now=early).total("sign-ins forgotten") == 0
        assert upkeep(session, now=early + SECOND).total("sign-ins forgotten") == 1
        late = NOW + IDLE + timedelta(days=1) + SECOND
        assert upkeep(session, now=late).total("sign-ins forgotten") == 1
        assert session.execute(select(t.WebSession)).first() is None
