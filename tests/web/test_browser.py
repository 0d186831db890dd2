"""A real browser on a telephone's screen: a rep rejects, a lead unsubscribes."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from app.web.serve import serve
from nurture.ledger import tables as t
from tests.web.conftest import Offer, Place, send

# The other files ask the same of both databases.
pytestmark = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.mark.web
def test_a_rep_rejects_and_a_lead_unsubscribes(place: Place, offer: Offer, tmp_path: Path) -> None:
    mail = send(place)
    asyncio.run(_visit(place, offer.url("accept"), mail.unsubscribe, tmp_path))
    assert place.rows(t.Handoff)[0].outcome == "no budget: asks again in autumn"
    assert [(c.topic, c.subscribed) for c in place.rows(t.Consent)] == [("tips", False)]


async def _visit(place: Place, accept: str, unsubscribe: str, pictures: Path) -> None:
    from playwright.async_api import async_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    serving = await serve(place.app, "127.0.0.1", 0)
    try:
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=program, args=SWITCHES)
            page = await browser.new_page(
                viewport={"width": 360, "height": 740}, java_script_enabled=False
            )
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))
            await page.goto(serving.url + accept)
            await page.screenshot(path=pictures / "accept.png", full_page=True)
            assert await _fits(page)
            await page.get_by_role("link", name="Reject it with a reason").click()
            await page.get_by_label("Why do you reject").select_option("no budget")
            await page.get_by_label("Anything the next").fill("asks again in autumn")
            await page.screenshot(path=pictures / "reject.png", full_page=True)
            await page.get_by_role("button", name="Reject this lead").click()
            await page.screenshot(path=pictures / "rejected.png", full_page=True)
            assert "goes back to marketing" in await page.inner_text("main")
            await page.goto(serving.url + unsubscribe)
            await page.screenshot(path=pictures / "unsubscribe.png", full_page=True)
            await page.get_by_role("button", name="Unsubscribe").click()
            await page.screenshot(path=pictures / "unsubscribed.png", full_page=True)
            assert "no more mails about" in await page.inner_text("main")
            await page.goto(serving.url + "/api/docs")
            await page.screenshot(path=pictures / "api.png", full_page=True)
            assert await _fits(page)
            await page.goto(serving.url + "/")
            await page.screenshot(path=pictures / "home.png", full_page=True)
            assert await _fits(page)
            await browser.close()
            assert complaints == []
    finally:
        await serving.stop()


async def _fits(page: object) -> bool:
    """Whether nothing makes the page wider than the screen."""
    return bool(await page.locator("body").evaluate(  # type: ignore[attr-defined]
        "body => body.scrollWidth <= 360"
    ))  # fmt: skip
