"""`/health`: whether everything works, for people and for what watches them."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from app.reading import looking
from app.web.access import at_this_machine
from app.web.guard import log
from app.web.site import Site, site_of
from handoff.routing import brake
from insight.listing import unknown_messages
from nurture.delivery import waiting
from nurture.ledger import schema
from nurture.ledger.errors import SchemaOutdated

router = APIRouter()
WORSE = ("ok", "degraded", "failing")
KEPT = 5.0
"""Seconds an answer is kept: who asks more often costs nothing."""


@router.api_route("/health", methods=["GET", "HEAD"])
async def health(request: Request) -> JSONResponse:
    """200 while mail and handoffs go on (ok, degraded), 503 when they do not (failing).

    Who is not at this machine is told the status alone.
    """
    site = site_of(request)
    found = await _examined(site)
    code = 503 if found["status"] == "failing" else 200
    return JSONResponse(found if at_this_machine(request) else {"status": found["status"]}, code)


async def _examined(site: Site) -> dict[str, Any]:
    if site.examined is not None and time.monotonic() - site.examined[0] < KEPT:
        return site.examined[1]
    found = await site.apart(lambda: examine(site))
    site.examined = (time.monotonic(), found)
    return found


def examine(site: Site) -> dict[str, Any]:
    """The state of the ledger, and what `site.health` says; the worst of both is the status.

    Without Prefect (`prefect` is `absent`) or with failures of the last tick the engine goes on,
    degraded.
    """
    ledger = _ledger(site)
    told = dict(site.health())
    missing = told.get("prefect") == "absent" or bool(told.get("failures"))
    states = [ledger.pop("status"), str(told.pop("status", "degraded" if missing else "ok"))]
    worst = max(states, key=lambda state: WORSE.index(state) if state in WORSE else 1)
    return {"status": worst, "ledger": ledger, "observations_dropped": site.dropped} | told


def _ledger(site: Site) -> dict[str, Any]:
    try:
        schema.check(site.runtime.ledger)
        figures = _figures(site)
    except SchemaOutdated:
        said = "other than this program needs: run nurture db upgrade"
        return {"status": "failing", "reachable": True, "schema": said}
    except Exception as error:
        log(error)
        return {"status": "failing", "reachable": False}
    return {"status": "ok", "reachable": True, "schema": "current"} | figures


def _figures(site: Site) -> dict[str, Any]:
    with looking(site.runtime.ledger) as session:
        return {
            "messages_unknown": unknown_messages(session),
            "handoffs_held": brake.count_held(brake.standing(session)),
            "oldest_due": {
                kind: at.isoformat(timespec="seconds") if at else None
                for kind in ("nurture", "notice")
                for at in [waiting.next_due(session, kind)]
            },
        }
