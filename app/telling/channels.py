"""What can be said of a workspace's channels without saying where they lead."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session

from app.settings import Settings
from app.telling import apprise_channel
from app.telling.notifier import address_of
from flows.runtime import Runtime
from handoff.telling.notifier import WITHIN, Telling
from handoff.telling.posted import health
from nurture.calendar.nearest import suggestion
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.channels import ChannelModel
from nurture.ledger.errors import NotFound
from nurture.webhooks.http import UNSIGNED
from nurture.webhooks.port import Answer


@dataclass(frozen=True)
class ChannelState:
    """One channel: `trouble` keeps it from being used at all, `reason` is why it failed last."""

    name: str
    service: str
    teams: tuple[str, ...]
    trouble: str
    down_since: datetime | None
    failures: int
    reason: str


def channels(session: Session, definitions: Definitions, settings: Settings) -> list[ChannelState]:
    """Every channel of what is applied; no connection is made."""
    named = definitions.workspace.channels
    states = health(session, set(named))
    teams = definitions.handoff.teams if definitions.handoff else {}
    found = []
    for name, model in named.items():
        service, trouble = form_of(model, settings)
        users = tuple(team for team, each in teams.items() if name in each.channels)
        state = states[name]
        found.append(
            ChannelState(
                name, service, users, trouble, state.down_since, state.failures, state.reason
            )
        )
    return found


def form_of(model: ChannelModel, settings: Settings) -> tuple[str, str]:
    """What a channel speaks to, and why it cannot be used ('' when it can, as far as is known)."""
    if model.webhook is not None:
        return urlsplit(model.webhook).netloc, "" if settings.webhook_keys else UNSIGNED
    address, trouble = address_of(model, settings)
    if trouble:
        return "", trouble
    service = apprise_channel.service(address)
    return service, "" if service else f"{model.from_} holds no address Apprise can speak to"


def try_channel(runtime: Runtime, name: str, *, now: datetime) -> Answer:
    """Send one notice through a channel; NotFound names those there are."""
    known = runtime.definitions().workspace.channels
    if name not in known:
        near = suggestion(name, list(known))
        listed = ", ".join(known) or "none"
        raise NotFound(f"nurture.yaml, as applied, has no channel {name!r}.{near} It has: {listed}")
    brand = runtime.definitions().workspace.brand
    telling = Telling(
        channel=name,
        identity=f"notice_{secrets.token_hex(16)}",
        title=f"{brand}: a test",
        text=f"If you read this, the channel {name} works. There is nothing to do.",
        at=now,
    )
    return runtime.notifier.tell(telling).result(WITHIN.total_seconds())
