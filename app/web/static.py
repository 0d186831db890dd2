"""What pages are made with: style sheets and scripts, each read once."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from app.web.site import PAGES

router = APIRouter()
AN_HOUR = {"cache-control": "public, max-age=3600"}
TYPES = {".css": "text/css", ".js": "text/javascript"}
FILES = ("app.css", "inbox.css", "inbox.js", "htmx.min.js")


def _offer(name: str) -> None:
    path = PAGES / "static" / name
    content, kind = path.read_bytes(), TYPES[path.suffix]

    @router.api_route(f"/static/{name}", methods=["GET", "HEAD"], name=name)
    async def file() -> Response:
        return Response(content, media_type=kind, headers=AN_HOUR)


for _name in FILES:
    _offer(_name)


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
async def icon() -> Response:
    """None; browsers ask all the same."""
    return Response(status_code=204, headers=AN_HOUR)
