"""Whether mails can be made of a template, asked before it is in force."""

from __future__ import annotations

from nurture.delivery.mails.press import OWN_LINKS
from nurture.delivery.mails.tracking import track
from nurture.delivery.rendering.sandbox import sandbox
from nurture.ledger.errors import RenderFailed


def trial(source: str, html: bool) -> tuple[int, str] | None:
    """Prepare a template as sending would; line and reason when that fails, None when it works.

    What depends on a lead's values shows only when a mail is made for it.
    """
    try:
        if html:
            source = track(source, link_id=lambda _: 1, own=OWN_LINKS)
        sandbox(html=html).compile(source, name="template")
    except RenderFailed as failure:
        return failure.line, failure.reason.rstrip(".")
    return None
