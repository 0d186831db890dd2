"""The inbox in a real browser: signed in by mail, answered with a key, at both ends of a screen."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.web.serve import serve
from handoff.tables import CLOCK, HANDOFF, LEAD
from nurture.ledger import tables as t
from tests.web.conftest import Place
from tests.web.desk_visitors import Mailbox, mailbox
from tests.web.sales_desk import handoff, office
from tests.web.test_browser import SWITCHES

__all__ = ["office"]
pytestmark = [
    pytest.mark.web, pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
]  # fmt: skip
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@asynccontextmanager
async def browsing(place: Place) -> AsyncIterator[tuple[Any, str]]:
    """A browser, and where the place is."""
    from playwright.async_api import async_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    serving = await serve(place.app, "127.0.0.1", 0)
    try:
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=program, args=SWITCHES)
            yield browser, serving.url
            await browser.close()
    finally:
        await serving.stop()


class Screen:
    """A page in a browser of its own, and what it complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @classmethod
    async def open(cls, browser: Any, url: str, width: int = 1200, **how: Any) -> Screen:
        page = await browser.new_page(viewport={"width": width, "height": 760}, **how)
        page.set_default_timeout(10_000)
        return cls(page, url)

    async def sign_in(self, who: str, box: Mailbox) -> None:
        known = len(box.mails)
        await self.page.goto(f"{self.url}/inbox")
        await self.page.get_by_label("Your address at work").fill(f"{who}@example.test")
        await self.page.get_by_role("button", name="Mail me a link").click()
        while len(box.mails) == known:
            await asyncio.sleep(0.01)
        await self.page.goto(f"{self.url}{box.link}")
        await self.page.get_by_role("button", name="Show me my leads").click()
        await self.page.wait_for_url(f"{self.url}/inbox")

    async def fits(self) -> None:
        """Nothing makes the page wider than the screen."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{wide} px too wide"

    async def is_accessible(self) -> None:
        """Every text can be read, every field has a label, every control a name."""
        assert await self.page.evaluate(CONTRAST) == []


def busy(place: Place) -> None:
    """By the wall clock, which the browser counts by: one lead of bo's is late, one is not."""
    place.now = datetime.now(UTC)
    with place.ledger.begin() as session:
        session.execute(update(HANDOFF).where(HANDOFF.c.id == 2).values(rep="bo"))
        for number, minutes in ((1, -40), (2, 125)):
            due = {"due_at": place.now + timedelta(minutes=minutes), "rep": "bo"}
            session.execute(update(CLOCK).where(CLOCK.c.handoff_id == number).values(**due))
        for number, name in ((1, "Ann Abel"), (2, "Ben Bell"), (3, "Cleo Cox")):
            first, last = name.split()
            facts = {"first_name": first, "last_name": last, "phone": "+49 30 5550100",
                     "company": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk",
                     "job_title": "Head of operations"}  # fmt: skip
            session.execute(update(LEAD).where(LEAD.c.id == number).values(**facts))


def test_a_rep_signs_in_and_answers_with_single_keys(office: Place, tmp_path: Path) -> None:
    asyncio.run(_keys(office, mailbox(office), tmp_path))
    assert handoff(office, 1).state == "rejected"
    assert handoff(office, 1).outcome == "no budget: asks again in autumn"
    assert handoff(office, 2).state == "working"
    assert any("called" in row.reason for row in office.rows(t.Change))


async def _keys(place: Place, box: Mailbox, pictures: Path) -> None:
    busy(place)
    async with browsing(place) as (browser, url):
        bo = await Screen.open(browser, url)
        await bo.sign_in("bo", box)
        page = bo.page
        assert await page.title() == "(1 late) Leads"
        clocks = await page.locator("time[data-due]").all_inner_texts()
        assert clocks[:2] == ["40 minutes late", "2 hours 5 minutes left"]
        await page.screenshot(path=pictures / "inbox.png", full_page=True)
        await bo.is_accessible()
        await page.keyboard.press("r")
        assert await _focused(page) == "reason"
        await page.keyboard.type("no budget")
        await page.get_by_label("In your words").fill("asks again in autumn")
        await page.screenshot(path=pictures / "reject.png", full_page=True)
        await bo.is_accessible()
        await page.keyboard.press("Enter")
        await page.get_by_text("was rejected by Bo: no budget").first.wait_for()
        await page.keyboard.press("j")
        assert await _focused(page) == "h2"
        await page.keyboard.press("Enter")
        await page.locator("#brief").get_by_text("Ben Bell").wait_for()
        await page.keyboard.press("a")
        await page.get_by_text("Handoff 2 was accepted by Bo").wait_for()
        await page.keyboard.press("c")
        await page.get_by_text("Handoff 2 was touched by Bo (called)").wait_for()
        await page.keyboard.press("/")
        await page.keyboard.type("cleo")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**text=cleo**")
        assert await page.locator(".leads li").count() == 1
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        assert await page.locator("#keys").get_attribute("open") is not None
        await page.locator("#keys-on").uncheck()
        await page.locator("h1").click()
        await page.keyboard.press("a")
        await page.reload()
        assert await page.locator("#keys-on").is_checked() is False
        await bo.is_accessible()
        assert bo.complaints == []
    assert handoff(place, 3).state == "offered"


async def _focused(page: Any) -> str:
    """The field or link that has the focus, once one has."""
    for _ in range(200):
        if found := await page.evaluate("document.activeElement.id"):
            return str(found)
        await asyncio.sleep(0.02)
    return ""


def test_two_people_at_once_and_the_list_that_looks_again(office: Place, tmp_path: Path) -> None:
    asyncio.run(_two(office, mailbox(office)))
    assert handoff(office, 3).rep == "cy"


async def _two(place: Place, box: Mailbox) -> None:
    busy(place)
    async with browsing(place) as (browser, url):
        bo, cy = await Screen.open(browser, url), await Screen.open(browser, url)
        for who, screen in (("bo", bo), ("cy", cy)):
            await screen.sign_in(who, box)
            await screen.page.get_by_role("link", name="Cleo Cox").click()
            await screen.page.wait_for_url("**/inbox/3**")
        await cy.page.keyboard.press("a")
        await cy.page.get_by_text("Handoff 3 was accepted by Cy").wait_for()
        await bo.page.keyboard.press("a")
        await bo.page.get_by_role("alert").get_by_text("Too late. Handoff 3 is with Cy").wait_for()
        assert await bo.page.locator("#h3").count() == 0
        # A page left open sees by itself what changes, but not while somebody fills in a form.
        assert await cy.page.locator("#h1").count() == 0
        with place.ledger.begin() as session:
            session.execute(update(HANDOFF).where(HANDOFF.c.id == 1).values(rep="cy"))
        await cy.page.evaluate("htmx.trigger('#look', 'look')")
        await cy.page.locator("#h1").wait_for()
        await cy.page.get_by_role("button", name="everywhere").click()
        await cy.page.wait_for_url("**/sign-in")
        refused = "Failed to load resource: the server responded with a status of 409 (Conflict)"
        assert bo.complaints == [refused]
        assert cy.complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1200, "dark")])
def test_every_screen(office: Place, tmp_path: Path, width: int, scheme: str) -> None:
    complaints = asyncio.run(_screens(office, mailbox(office), tmp_path, width, scheme))
    assert complaints == []


async def _screens(
    place: Place, box: Mailbox, pictures: Path, width: int, scheme: str
) -> list[str]:
    """What the browser complained of on the way over every screen, each of which fits and is
    accessible."""
    busy(place)
    async with browsing(place) as (browser, url):
        screen = await Screen.open(browser, url, width, color_scheme=scheme)
        await screen.page.goto(f"{url}/sign-in")
        await screen.is_accessible()
        await screen.sign_in("bo", box)
        for path in ("", "/1", "/1/reject", "/1/pause", "/1/snooze", "/3", "?text=nobody"):
            await screen.page.goto(f"{url}/inbox{path}")
            name = f"{path.strip('/?').replace('/', '-') or 'inbox'}-{width}-{scheme}.png"
            await screen.page.screenshot(path=pictures / name, full_page=True)
            await screen.fits()
            await screen.is_accessible()
        await screen.page.get_by_role("button", name="Sign out", exact=True).click()
        await screen.sign_in("mia", box)
        await screen.page.get_by_role("link", name="Teams").click()
        await screen.page.get_by_label("Who gets Ann Abel").select_option("cy")
        await screen.page.screenshot(path=pictures / f"team-{width}-{scheme}.png", full_page=True)
        await screen.fits()
        await screen.is_accessible()
        await screen.page.get_by_role("button", name="Give Ann Abel on").click()
        await screen.page.get_by_text("Handoff 1 was given to Cy by Mia").wait_for()
        return screen.complaints


def test_without_scripts(office: Place) -> None:
    asyncio.run(_plain(office, mailbox(office)))
    assert (handoff(office, 1).rep, handoff(office, 1).state) == ("cy", "offered")


async def _plain(place: Place, box: Mailbox) -> None:
    async with browsing(place) as (browser, url):
        bo = await Screen.open(browser, url, 360, java_script_enabled=False)
        await bo.sign_in("bo", box)
        await bo.page.get_by_role("link", name="lead1@example.test").first.click()
        await bo.page.get_by_role("button", name="Accept").click()
        assert "was accepted by Bo" in await bo.page.inner_text("main")
        await bo.page.get_by_role("link", name="Give on").click()
        await bo.page.get_by_label("Who gets this lead?").select_option("cy")
        await bo.page.get_by_role("button", name="Give it on").click()
        assert "was given to Cy by Bo" in await bo.page.inner_text("main")
        assert bo.complaints == []
