"""A web app over a real ledger, and visitors who ask it things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlmodel import SQLModel

from app.web import make_app
from app.web.site import Site
from flows.runtime import Runtime
from handoff.routing.assignment import assign
from handoff.telling.notice_press import PURPOSES
from handoff.telling.notifier import AcceptingNotifier
from nurture.delivery.mails import links
from nurture.ledger import tables as t
from nurture.ledger.access.tokens import create_token
from nurture.ledger.engine import Ledger
from nurture.webhooks.rehearsal import AnsweringCaller
from tests.fixtures_ledger import (
    NOW,
    filled,
    ledger,
    make_definition,
    make_enrolment,
    make_lead,
    make_message,
    migrated_ledger,
)
from tests.handoff import sales_desk as desk

__all__ = ["ledger", "migrated_ledger"]
KEYS = (b"a key of the tests, long enough",)
PRICING = "https://www.example.test/pricing"


@dataclass
class Place:
    """A web app, the ledger under it, and its clock."""

    ledger: Ledger
    now: datetime = NOW
    pokes: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    app: FastAPI = field(init=False)

    def open(self, definitions: Any, **how: Any) -> Place:
        runtime = Runtime(
            ledger=self.ledger,
            definitions=lambda: definitions,
            transport=object(),
            connections=1,
            keys=KEYS,
            clock=lambda: self.now,
            owner="test",
            press=_no_mail,
            notices=_no_mail,
            caller=AnsweringCaller(),
            notifier=AcceptingNotifier(),
        )
        self.app = make_app(runtime, poke=self._poke, health=lambda: dict(self.told), **how)
        return self

    def _poke(self) -> None:
        self.pokes += 1

    @property
    def site(self) -> Site:
        return self.app.state.site

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request, and everything it began ended."""
        return asyncio.run(self._ask([(method, path, how)]))[0]

    def ask_at_once(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Many requests at the same time."""
        return asyncio.run(self._ask(requests))

    async def _ask(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        async def one(method: str, path: str, how: dict[str, Any]) -> httpx.Response:
            how = dict(how)
            peer = how.pop("peer", "127.0.0.1")
            base = how.pop("base", "http://127.0.0.1:8000")
            transport = httpx.ASGITransport(self.app, client=(peer, 50000))
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, **how)

        answers = await asyncio.gather(*(one(*each) for each in requests))
        await self.site.settled()
        return answers

    def token(self, scope: str = "ingest", **how: Any) -> dict[str, str]:
        """The header of a new token."""
        with self.ledger.begin() as session:
            made = create_token(session, name=scope, scope=scope, now=NOW, **how)
        return {"authorization": f"Bearer {made}"}

    def rows(self, model: type[SQLModel]) -> list[Any]:
        with self.ledger.begin() as session:
            return list(session.execute(select(model).order_by(*_key(model))).scalars())

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that has any, to compare before and after."""
        with self.ledger.begin() as session:
            return {
                table.name: list(
                    map(tuple, session.execute(select(table).order_by(*table.primary_key)))
                )
                for table in filled(session)
            }

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)


def _no_mail(*_: Any) -> Any:
    raise AssertionError("the web app writes no mail")


def _key(model: type[SQLModel]) -> Any:
    return list(model.__table__.primary_key.columns)  # type: ignore[attr-defined]


@pytest.fixture
def place(ledger: Ledger) -> Iterator[Place]:
    """A web app over a workspace with a sales desk, a lead with a sent mail, and a tracked link."""
    found = Place(ledger)
    found.open(desk.set_up(ledger, desk.rules()))
    yield found
    asyncio.run(found.site.close())


@dataclass(frozen=True)
class Mail:
    """A sent mail: its number, its lead, its link, and the addresses in it."""

    message: int
    lead: int
    link: int

    def click(self, link: int | None = None) -> str:
        number = self.link if link is None else link
        return f"/c/{links.sign(KEYS, 'click', self.message)}/{number}"

    @property
    def open(self) -> str:
        return f"/o/{links.sign(KEYS, 'open', self.message)}.gif"

    @property
    def unsubscribe(self) -> str:
        return f"/u/{links.sign(KEYS, 'unsubscribe', self.message)}"


@pytest.fixture
def mail(place: Place) -> Mail:
    """One mail that was sent, about the topic tips."""
    return send(place)


def send(place: Place, email: str = "ann@example.test", **values: Any) -> Mail:
    """A lead with a sent mail and a link in it."""
    with place.ledger.begin() as session:
        highest = session.execute(select(func.max(t.Lead.id))).scalar() or 0
        lead = make_lead(session, email, first_name="Ann", id=highest + 1)
        definition = make_definition(session, f"trial-{lead.id}")
        run = make_enrolment(session, lead, definition, sequence="trial")
        sent = {"state": "sent", "template": "why-us", "topic": "tips", "enrolment_id": run.id}
        message = make_message(session, lead, **(sent | values))
        link = keep_link(session, PRICING)
        assert message.id
        assert lead.id
        return Mail(message.id, lead.id, link)


def keep_link(session: Any, url: str) -> int:
    known = session.execute(select(t.Link).where(t.Link.url == url)).scalar_one_or_none()
    if known is None:
        known = t.Link(url=url)
        session.add(known)
        session.flush()
    return int(known.id)


@dataclass(frozen=True)
class Offer:
    """A handoff offered to a rep."""

    handoff: int
    generation: int
    lead: int

    def url(self, verb: str, generation: int | None = None) -> str:
        number = self.generation if generation is None else generation
        return f"/h/{links.sign(KEYS, PURPOSES[verb], self.handoff, number)}"


@pytest.fixture
def offer(place: Place) -> Offer:
    """A lead offered to a rep of the team smb this morning."""
    desk.queue(place.ledger, 1)
    with place.ledger.begin() as session:
        assign(session, place.site.runtime.definitions(), now=NOW)
    (row,) = place.rows(t.Handoff)
    return Offer(row.id, row.generation, row.lead_id)


@pytest.fixture
def crm(place: Place) -> dict[str, str]:
    """The headers of a system that may look at handoffs and answer."""
    return place.token("sales")
