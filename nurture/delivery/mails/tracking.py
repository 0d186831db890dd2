"""Tracked links: written into a template once, so that a mail costs no rewriting.

A link of an HTML template becomes `{{ click }}/<link id>`; the values of a rendering bring `click`,
the base address with one signed token for the message, and `open`, the address of the pixel.  The
token says which message, the number after it which link of the workspace: a number swapped by hand
leads to another of our own links and nowhere else.

A link may hold fields after its host: their values travel in the link's query and are put back
into the target kept under the id (`target`), whose scheme and host are fixed.  Where a field may
decide the host, a link would lead anybody anywhere: such templates are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from html import escape, unescape
from typing import Final
from urllib.parse import urlsplit

from nurture.ledger.errors import LinkInvalid, RenderFailed

HOLE: Final = "{}"
"""Stands in a kept target where a field's value belongs."""
PIXEL: Final = (
    '<img src="{{ open }}" width="1" height="1" alt="" style="display:block;border:0;width:1px">'
)

# What must be left as it is (comments, raw blocks), or a tag that leads somewhere.
_TAG: Final = re.compile(
    r"\{#.*?#\}|\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}"
    r"|(?P<tag><(?:a|area|v:roundrect)\b"
    r"(?>\{\{.*?\}\}|\{%.*?%\}|\"[^\"]{0,1000}\"|'[^']{0,1000}'|[^>\"']){0,1000}+>)",
    re.DOTALL | re.IGNORECASE,
)
_HREF: Final = re.compile(
    r"(?P<before>\shref\s*=\s*)(?P<quote>[\"'])"
    r"(?P<url>(?>\{\{.*?\}\}|\{%.*?%\}|(?!(?P=quote)).){0,1000}+)(?P=quote)",
    re.DOTALL | re.IGNORECASE,
)
_FIELD: Final = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_UNFIT: Final = re.compile('[\\x00-\\x20\\x7f-\\U0010ffff<>"\\\\^`{|}]')


def track(
    source: str, *, link_id: Callable[[str], int], own: Collection[str], name: str = "template"
) -> str:
    """The HTML template with its http(s) links tracked and the open pixel before `</body>`.

    `link_id` keeps a target and answers its number, the same for the same target. `own` names the
    fields that are our own links (`unsubscribe_url`): they stay, as do `mailto:`, `tel:` and `#`.
    Raises `RenderFailed` with the line of a link whose host is not fixed.
    """

    def tag(found: re.Match[str]) -> str:
        if found["tag"] is None:
            return found[0]
        line = source.count("\n", 0, found.start()) + 1
        return _HREF.sub(lambda href: link(href, line), found[0], count=1)

    def link(href: re.Match[str], line: int) -> str:
        at = line + href.string.count("\n", 0, href.start("url"))
        try:
            url = _tracked_link(href["url"].strip(), link_id=link_id, own=own)
        except _Unfit as unfit:
            said = f"{name}, line {at}: {unfit}"
            raise RenderFailed(said, line=at, reason=str(unfit)) from unfit
        return href[0] if url is None else f'{href["before"]}"{url}"'

    rewritten = _TAG.sub(tag, source)
    at = rewritten.lower().rfind("</body>")
    if at >= 0:
        return rewritten[:at] + PIXEL + rewritten[at:]
    return rewritten if "{% extends" in rewritten else rewritten + PIXEL


class _Unfit(Exception):
    """An address no link may have; the text says why."""


def _tracked_link(url: str, *, link_id: Callable[[str], int], own: Collection[str]) -> str | None:
    """What to write instead of `url`, or None to leave it."""
    fields = [unescape(field).strip() for field in _FIELD.findall(url)]
    if _FIELD.fullmatch(url) and len(fields) == 1 and fields[0].partition("|")[0].strip() in own:
        return None
    if not url or url.startswith("#") or url.partition(":")[0].lower() in {"mailto", "tel"}:
        return None
    if "{%" in url:
        raise _Unfit("a link may hold fields, but no tags like {% if %}.")
    pieces = [unescape(piece).replace(HOLE, "%7B%7D") for piece in _FIELD.split(url)[::2]]
    _check_target(pieces)
    tracked = f"{{{{ click }}}}/{link_id(HOLE.join(pieces))}"
    # In brackets: a filter binds tighter than an operator of the field's own expression.
    said = "&amp;".join(f"v={{{{ ({field})|urlencode }}}}" for field in fields)
    return f"{tracked}?{said}" if said else tracked


def _check_target(pieces: Sequence[str]) -> None:
    """Scheme and host have to stand whole before the first field."""
    origin = re.match(r"https?://[^/?#]+(?P<rest>[/?#]?)", pieces[0], re.IGNORECASE)
    if len(pieces) > 1 and (origin is None or not origin["rest"]):
        raise _Unfit(
            "fields may stand in a link after its host only, as in"
            " https://example.test/{{ lead.id }}: else anybody could be sent anywhere."
        )
    url = "x".join(pieces)
    if _host(url) is None or not url.isprintable():
        raise _Unfit("a link has to begin with https://host, mailto: or tel:.")


def _host(url: str) -> str | None:
    """The host of an http(s) URL without user or odd characters, else None."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    return None if _UNFIT.search(parts.netloc) else host


def target(kept: str, values: Sequence[str]) -> str:
    """Where a click on a kept link leads, its fields' values put in. Raises `LinkInvalid`.

    Values stand only after the host, so they can change the page, never the site. Characters
    that do not belong in a URL are percent-encoded; control characters make the link invalid.
    """
    pieces = kept.split(HOLE)
    if len(values) != len(pieces) - 1 or any(not value.isprintable() for value in values):
        raise LinkInvalid("This link is not valid.")
    whole = pieces[0] + "".join(v + piece for v, piece in zip(values, pieces[1:], strict=True))
    url = _UNFIT.sub(lambda c: "".join(f"%{byte:02X}" for byte in c[0].encode()), whole)
    if _host(url) is None or _host(url) != _host(pieces[0]):
        raise LinkInvalid("This link is not valid.")
    return url


def pixel_and_click(base_url: str, *, click_token: str, open_token: str) -> dict[str, str]:
    """The two values every rendering of a tracked template needs."""
    base = escape(base_url.rstrip("/"))
    return {"click": f"{base}/c/{click_token}", "open": f"{base}/o/{open_token}.gif"}
