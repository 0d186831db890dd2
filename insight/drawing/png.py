"""A sequence as PNG, for slides and mails: the SVG, drawn by resvg.

resvg is an extra (`nurture[png]`): one small wheel without dependencies, which most never need.
"""

from __future__ import annotations

from insight.drawing.look import FONT
from insight.drawing.saying import Picture
from insight.drawing.svg import svg
from nurture.ledger.errors import NurtureError

ZOOM = 2.0
"""Dots a unit: sharp on today's screens and on paper."""
_SHEET = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
_LETTER = f'<text x="2" y="15" font-family="{FONT}" font-size="14">M</text>'


class CannotDraw(NurtureError):
    """No PNG can be made on this machine as it is."""


def png(picture: Picture) -> bytes:
    """The picture as a PNG image; CannotDraw says what to install."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise CannotDraw(
            "For PNG one more package is needed: pip install 'nurture[png]' (or resvg-py). "
            "SVG and Mermaid need nothing."
        ) from error
    if svg_to_bytes(_SHEET.format(_LETTER)) == svg_to_bytes(_SHEET.format("")):
        raise CannotDraw(
            "This machine has no font that could be drawn with, so the PNG would show no text. "
            "Install one (on Debian or Ubuntu: apt install fonts-dejavu-core), or draw an SVG."
        )
    return svg_to_bytes(svg(picture), zoom=ZOOM)
