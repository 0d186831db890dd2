"""What every page needs: the style sheet, one file, read once."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from app.web.site import PAGES

router = APIRouter()
STYLE = (PAGES / "static" / "app.css").read_bytes()
AN_HOUR = {"cache-control": "public, max-age=3600"}


@router.api_route("/static/app.css", methods=["GET", "HEAD"])
async def style() -> Response:
    """The style sheet."""
    return Response(STYLE, media_type="text/css", headers=AN_HOUR)


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
async def icon() -> Response:
    """None; browsers ask all the same."""
    return Response(status_code=204, headers=AN_HOUR)
