"""A sequence as SVG: one file that needs nothing beside it, for light and dark screens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from insight.drawing.layout import (
    ICON,
    LINE_SMALL,
    LINE_TEXT,
    MARGIN,
    PAD,
    Box,
    Label,
    Line,
    Plan,
    Point,
    Strip,
    Words,
    place,
)
from insight.drawing.lettering import clean, wrap
from insight.drawing.look import SIGNS, style
from insight.drawing.nesting import nest
from insight.drawing.saying import Picture, in_words, saying

ROUND = 7.0
"""The radius of corners, of boxes and of lines."""
TIP = 5.0
TITLE, SMALL = 20.0, 11.5
NARROWEST = 560.0


def svg(picture: Picture) -> str:
    """The picture as an SVG document."""
    plan = place(nest(picture.graph), picture.graph.leaving, saying(picture.counts))
    wide = max(plan.width, NARROWEST)
    head, top = _head(picture, wide)
    foot, bottom = _foot(picture, wide, top + plan.height + MARGIN)
    body = "".join(_body(plan, wide))
    title = f"Sequence {clean(picture.graph.sequence)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="{bottom:g}" '
        f'viewBox="0 0 {wide:g} {bottom:g}" role="img" aria-labelledby="title desc">'
        f'<title id="title">{_safe(title)}</title>'
        f'<desc id="desc">{_safe(in_words(picture))}</desc>'
        f"<style>{style()}</style>"
        f'<rect class="ground" width="100%" height="100%"/>{head}'
        f'<g transform="translate(0 {top:g})">{body}</g>{foot}</svg>\n'
    )


def _safe(text: str) -> str:
    return escape(clean(text))


@dataclass
class _Column:
    """Lines of text below each other."""

    x: float
    y: float
    room: float

    def write(self, kind: str, text: str, size: float, step: float) -> str:
        lines = wrap(text, self.room, size, bold=kind == "title")
        drawn = [
            _text(kind, self.x, self.y + step * (n + 0.75), line) for n, line in enumerate(lines)
        ]
        self.y += step * len(lines)
        return "".join(drawn)


def _head(picture: Picture, wide: float) -> tuple[str, float]:
    column = _Column(MARGIN, MARGIN, wide - 2 * MARGIN)
    drawn = column.write("title", picture.graph.sequence, TITLE, 26)
    for line in (picture.graph.description, picture.subtitle):
        drawn += column.write("small", line, SMALL, LINE_SMALL + 2)
    return drawn, column.y + MARGIN


def _foot(picture: Picture, wide: float, y: float) -> tuple[str, float]:
    column = _Column(MARGIN, y, wide - 2 * MARGIN)
    drawn = "".join(column.write("small", line, SMALL, LINE_SMALL + 2) for line in picture.notes)
    return drawn, column.y + MARGIN


def _body(plan: Plan, wide: float) -> Iterator[str]:
    for strip in plan.strips:
        yield _strip(strip, wide)
    for line in plan.lines:
        yield _line(line)
    for label in plan.labels:
        yield _label(label)
    for box in plan.boxes:
        yield _box(box)


def _strip(strip: Strip, wide: float) -> str:
    said = "".join(_words(strip.words, MARGIN + PAD, strip.y + 20))
    shape = _rect("band", MARGIN / 2, strip.y, wide - MARGIN, strip.height, ROUND + 3)
    return shape + said


def _box(box: Box) -> str:
    kind = box.node.kind
    shape = _rect("box", box.x, box.y, box.width, box.height, _corner(box))
    sign = (
        f'<path class="sign {kind}-sign" d="{SIGNS[kind]}" '
        f'transform="translate({box.x + PAD:g} {box.y + PAD - 1:g})"/>'
    )
    said = "".join(_words(box.words, box.x + ICON, box.y + PAD - 2))
    tip = f"<title>{_safe(f'{box.node.text} ({box.node.path})')}</title>"
    return f'<g id="{box.node.id}">{tip}{shape}{sign}{said}</g>'


def _corner(box: Box) -> float:
    """Where a way ends the box is rounder."""
    return min(18.0, box.height / 2) if box.node.kind in ("end", "start", "enter") else ROUND


def _label(label: Label) -> str:
    middle = label.x + label.width / 2
    shape = ""
    y = label.y + 2
    if label.stop:
        shape = _rect(
            "elsewhere", label.x, label.y, label.width, label.height, label.height / 2
        )
        y = label.y + PAD / 2
    said = "".join(_words(label.words, middle, y, middle=True))
    return f"<g><title>{_safe(label.said)}</title>{shape}{said}</g>" if label.words else ""


def _words(words: Iterable[Words], x: float, y: float, *, middle: bool = False) -> Iterator[str]:
    for each in words:
        step = LINE_TEXT if each.kind == "text" else LINE_SMALL
        for line in each.lines:
            yield _text(each.kind, x, y + step * 0.78, line, middle=middle)
            y += step


def _text(kind: str, x: float, y: float, line: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{anchor}>{escape(line)}</text>'


def _rect(kind: str, x: float, y: float, wide: float, high: float, corner: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" '
        f'rx="{corner:g}"/>'
    )


def _line(line: Line) -> str:
    points = list(line.points)
    x, y = points[-1]
    tip = ""
    if line.arrow:
        tip = f'<path class="tip" d="M{x:g} {y:g}l{-TIP:g} {-TIP * 1.5:g}h{2 * TIP:g}z"/>'
        points[-1] = (x, y - TIP)
    return f'<path class="line" d="{_rounded(points)}"/>{tip}'


def _rounded(points: Sequence[Point]) -> str:
    """A way through the points, its corners rounded."""
    drawn = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
        near, far = _toward((x, y), before), _toward((x, y), after)
        drawn.append(f"L{near[0]:g} {near[1]:g}Q{x:g} {y:g} {far[0]:g} {far[1]:g}")
    drawn.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(drawn)


def _toward(corner: Point, other: Point) -> Point:
    """The point on the way to another where the rounding of a corner begins."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    length = abs(across) + abs(down)
    part = min(ROUND, length / 2) / length
    return corner[0] + across * part, corner[1] + down * part
