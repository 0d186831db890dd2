"""handoff.yaml: the clocks of a handoff and the ladder each climbs."""

from __future__ import annotations

from typing import Annotated, Literal

from nurture.language.models import Duration, Model, Name, reading


def parse_share(text: object) -> float:
    """Read `50%` as 0.5."""
    if isinstance(text, str) and text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = -1.0
        if 0 < share <= 10:
            return share
    raise ValueError(f'{text!r} is not a share of the window: write it as "50%"')


class RungModel(Model):
    """A rung at a share of the clock's window (`at: 50%`) or an offset after its end (`after:`).

    Exactly one action: `remind: rep`, `tell: manager`, `give: next rep`,
    `recycle: <sequence>` (back to nurture, into that sequence).
    """

    at: Annotated[float, reading("bad-share", parse_share)] | None = None
    after: Duration | None = None
    remind: Literal["rep"] | None = None
    tell: Literal["manager"] | None = None
    give: Literal["next rep"] | None = None
    recycle: str | None = None

    @property
    def action(self) -> str:
        """`remind`, `tell`, `give` or `recycle`."""
        return next(verb for verb in ("remind", "tell", "give", "recycle") if getattr(self, verb))


class Sla(Model):
    """The clocks of a handoff and the ladder each climbs when it lapses."""

    accept: Duration
    first_touch: Duration
    ladder: Name
