"""Channels: ways to tell sales beside mail, and the hours they are left in peace."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from nurture.language.files.outside import CallAddress
from nurture.language.grammar.models import Days, Hours, Model, Zone, reading

EMAIL = "email"
"""The channel every workspace has: mail to the person a notice is for."""
VARIABLES = "NURTURE_CHANNEL_"
"""What the names of environment variables with the addresses of channels begin with."""


class QuietHours(Model):
    """Hours at which nothing is sent: to leads by their own zone, to a channel by its."""

    hours: Hours
    days: Days = "mon-sun"


class _NoVariable(ValueError):
    """What was written may hold a token: it is never repeated."""

    found = ""


def _variable(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(rf"{VARIABLES}[A-Z0-9_]{{1,64}}", value):
        return value
    raise _NoVariable(
        f"this is no variable of a channel: write its name, which begins with {VARIABLES},"
        " and put the address itself into the environment"
    )


Variable = Annotated[str, reading("bad-variable", _variable), WithJsonSchema({"type": "string"})]


class ChannelModel(Model):
    """`from`: the environment variable that holds the channel's address; or `webhook`: a system
    that is called, signed.  Notices wait for the end of `quiet_hours`, in `zone`."""

    from_: Variable | None = Field(default=None, alias="from")
    webhook: CallAddress | None = None
    quiet_hours: QuietHours | None = None
    zone: Zone | None = None
