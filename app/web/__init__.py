"""The web app: engagements in, links out of mails, answers of sales, and pages to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web import (
    api_docs,
    api_handoffs,
    clicks,
    crm,
    engagements,
    enrolments,
    faults,
    handoffs,
    inbox,
    inbox_team,
    overview,
    sign_in,
    static,
    status,
    unsubscribe,
)
from app.web.guard import Guard
from app.web.site import Site, site_of
from flows.runtime import Runtime

__all__ = ["make_app"]
ROUTES = (engagements, enrolments, crm, api_handoffs, api_docs, clicks, unsubscribe, handoffs,
          sign_in, inbox_team, inbox, status, overview, static)
_ROUTER = APIRouter()
for _room in ROUTES:
    _ROUTER.include_router(_room.router)
"""What a route takes is worked out at its first request, a millisecond for each: for all apps."""


def make_app(
    runtime: Runtime,
    *,
    poke: Callable[[], None],
    health: Callable[[], dict[str, Any]],
    read_only: bool = False,
    prefect_url: str = "",
) -> FastAPI:
    """The app over an open workspace; `app.state.site` is what its routes work with.

    `poke` is called on the event loop after something new was kept; `health` (in a thread) says
    how the scheduler and Prefect are; `read_only` shows and redirects, and writes nothing.
    Brand and base address are those applied when it is made.
    """
    workspace = runtime.definitions().workspace
    site = Site(runtime, poke, health, read_only, workspace.brand, workspace.base_url, prefect_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await site.close()

    app = FastAPI(
        title="nurture",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would redirect to whatever Host says
        routes=[*_ROUTER.routes],
    )
    app.state.site = site
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(RequestValidationError, _told)
    app.add_exception_handler(faults.SignedOut, _told)
    app.add_middleware(Guard, site=site)
    return app


async def _told(request: Request, error: Exception) -> Response:
    return faults.answer(site_of(request), request.scope["path"], error)
