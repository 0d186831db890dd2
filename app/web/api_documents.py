"""Documents of the API of handoffs: read from requests, made of rows, written as answers."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlmodel import Session
from starlette.responses import Response

from app.web import api_models as api
from app.web.faults import status_of
from app.web.site import Site
from handoff.desk import board
from nurture.ledger.errors import InputRefused, NotFound, NurtureError


class _NotFitting(InputRefused):
    """A document with parts that do not fit."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__("Something in the request does not fit; nothing was changed.")
        self.refused = [
            api.Refused(field=".".join(map(str, each["loc"])), problem=each["msg"])
            for each in error.errors(include_url=False, include_input=False)
        ]


def one(session: Session, site: Site, handoff: int) -> api.Handoff:
    """The handoff as it is now.  Raises NotFound."""
    rows = board.handoffs(session, now=site.now, handoff=handoff)
    if not rows:
        raise NotFound(f"There is no handoff {handoff}.")
    return api.Handoff.model_validate(rows[0])


def number_of(text: str) -> int:
    """The number of a handoff in an address; NotFound for what is none."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise NotFound(f"There is no handoff {text[:20]!r}.")
    return int(text)


def read(model: type[Any], said: bytes | dict[str, Any]) -> Any:
    """What was sent, as the document it should be; InputRefused names what does not fit."""
    try:
        if isinstance(said, bytes):
            return model.model_validate_json(said or b"{}")
        return model.model_validate(said)
    except ValidationError as error:
        raise _NotFitting(error) from None


def written(document: BaseModel, status: int = 200, *, without_none: bool = False) -> Response:
    """A document as an answer."""
    text = document.model_dump_json(exclude_none=without_none)
    return Response(text, status, media_type="application/json")


def wrong(error: NurtureError, *, handoff: api.Handoff | None = None) -> Response:
    """What was wrong as an answer; `handoff` as it is now, where somebody was faster."""
    refused = getattr(error, "refused", None)
    document = api.Problem(error=str(error), handoff=handoff, refused=refused)
    return written(document, status_of(error), without_none=True)
