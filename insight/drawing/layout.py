"""Where everything of a picture stands: stages as bands below each other, ways side by side.

The first way of a step goes straight down, the others stand to its right; all come back to the
left before the next step.  No line crosses another, and none runs behind text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from insight.drawing.lettering import width, wrap
from insight.drawing.nesting import Band, Item, Lane, Nested
from nurture.language.compiled.graph import Edge, Node, Stage

WIDE = 244.0
"""A node's width."""
TEXT, SMALL = 13.0, 11.5
LINE_TEXT, LINE_SMALL = 17.0, 15.0
ICON = 34.0
PAD = 11.0
ARROW = 24.0
BUS = 13.0
BESIDE = 26.0
GUTTER = 138.0
MARGIN = 20.0
BAND_PAD = 20.0
LANE_MOST = 190.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Words:
    """Lines of one kind: `text`, `small` or `count`."""

    kind: str
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        """What its lines take."""
        return len(self.lines) * (LINE_TEXT if self.kind == "text" else LINE_SMALL)


@dataclass(frozen=True)
class Box:
    """A node in its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    words: tuple[Words, ...]


@dataclass(frozen=True)
class Label:
    """What stands on a way; a `stop` is where a way leads elsewhere."""

    x: float
    y: float
    width: float
    height: float
    words: tuple[Words, ...]
    said: str
    stop: bool = False


@dataclass(frozen=True)
class Line:
    """A way, by its corners."""

    points: tuple[Point, ...]
    arrow: bool = False


@dataclass(frozen=True)
class Strip:
    """A stage's band, and what its head says."""

    stage: Stage
    y: float
    height: float
    words: tuple[Words, ...]


@dataclass
class Plan:
    """Everything placed; y runs from 0 below the picture's head."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)


@dataclass(frozen=True)
class Saying:
    """What is counted, in words; '' where nothing is."""

    node: Callable[[Node], str] = lambda _: ""
    edge: Callable[[Edge], str] = lambda _: ""
    stage: Callable[[Stage], str] = lambda _: ""


def place(nested: Nested, leaving: Sequence[Node], saying: Saying) -> Plan:
    """Place a nested graph, with the goal and exit rules beside the entry."""
    return _Placing(saying).whole(nested, leaving)


class _Placing:
    def __init__(self, saying: Saying) -> None:
        self.saying = saying
        self.plan = Plan()

    def whole(self, nested: Nested, leaving: Sequence[Node]) -> Plan:
        x = MARGIN + GUTTER
        blocks = [*(band.items for band in nested.bands), nested.closing]
        right = x + max([WIDE, *(self.room(block) for block in blocks)])
        enter = self.box(nested.enter, x, 0.0)
        below = [enter.y + enter.height, self.leaving(leaving, x + WIDE + 2 * BESIDE)]
        cursor, start = max(below) + BAND_PAD, below[0]
        comes = True
        for band in nested.bands:
            cursor, start, comes = self.band(band, x, cursor, start, comes=comes)
        if nested.closing:
            start, _ = self.block(nested.closing, x, cursor, start, comes=comes)
            cursor = start
        self.plan.height = cursor
        boxes = [box.x + box.width for box in self.plan.boxes]
        self.plan.width = max([right, *boxes]) + BAND_PAD + MARGIN
        return self.plan

    def leaving(self, leaving: Sequence[Node], x: float) -> float:
        """The goal and the exit rules, two beside each other; returns where they end."""
        words = (Words("small", ("At any step a lead leaves by:",)),) if leaving else ()
        y = sum(each.height for each in words) + PAD / 2
        if words:
            wide = self.widest(words) + 2 * PAD
            self.plan.labels.append(Label(x - PAD, 0.0, wide, y, words, words[0].lines[0]))
        for left, right in zip(leaving[::2], [*leaving[1::2], None], strict=False):
            boxes = [self.box(left, x, y)]
            boxes += [self.box(right, x + WIDE + BESIDE, y)] if right else []
            y = max(box.y + box.height for box in boxes) + PAD
        return max(0.0, y - PAD)

    def band(
        self, band: Band, x: float, y: float, start: float, *, comes: bool
    ) -> tuple[float, float, bool]:
        """Where the next band begins, and from where a way leads there, if one does."""
        room = GUTTER - 2 * PAD
        words = [Words("text", wrap(band.stage.name, room, TEXT, bold=True))]
        if said := self.saying.stage(band.stage):
            words.append(Words("count", wrap(said, room, SMALL, bold=True)))
        head = sum(each.height for each in words) + 2 * BAND_PAD
        end = start
        if band.items:
            end, comes = self.block(band.items, x, y + BAND_PAD, start, comes=comes)
        bottom = max(end + BAND_PAD if band.items else y, y + head)
        self.plan.strips.append(Strip(band.stage, y, bottom - y, tuple(words)))
        return bottom + PAD, end, comes

    # -- blocks

    def room(self, items: Sequence[Item]) -> float:
        """How wide a block is."""
        return max((self.room_of_item(item) for item in items), default=0.0)

    def room_of_item(self, item: Item) -> float:
        rooms = [self.room_of_lane(lane, first=n == 0) for n, lane in enumerate(item.lanes)]
        return max(WIDE, sum(rooms) + BESIDE * (len(rooms) - 1)) if rooms else WIDE

    def room_of_lane(self, lane: Lane, *, first: bool) -> float:
        if first or lane.items:
            return max(WIDE, self.room(lane.items))
        words = self.label_words(lane.edge, LANE_MOST)
        words += _stop_words(lane.jump) if lane.jump else ()
        return min(WIDE, self.widest(words) + 2 * PAD)

    def block(
        self, items: Sequence[Item], x: float, y: float, start: float, *, comes: bool
    ) -> tuple[float, bool]:
        """Place items below each other, the first at `y` with its way from `start`; returns where
        the last one ends and whether leads go on from there."""
        for item in items:
            box = self.box(item.node, x, y)
            if comes:
                self.line((_middle(x), start), (_middle(x), y), arrow=True)
            start, comes = box.y + box.height, item.open
            if item.lanes:
                start = self.lanes(item, x, start)
            y = start + ARROW
        return start, comes

    def lanes(self, item: Item, x: float, y: float) -> float:
        """The ways of an item side by side below it; returns where they meet again."""
        bus, ends, left = y + BUS, [], x
        tallest = 0.0
        placed: list[tuple[Lane, float, Label]] = []
        for number, lane in enumerate(item.lanes):
            room = self.room_of_lane(lane, first=number == 0)
            centre = _middle(left) if number == 0 or lane.items else left + room / 2
            label = self.label(lane.edge, centre, bus + BUS, min(room, WIDE))
            placed.append((lane, left, label))
            tallest = max(tallest, label.height)
            left += room + BESIDE
        for lane, left, label in placed:
            centre = label.x + label.width / 2
            self.line((_middle(x), y), (_middle(x), bus), (centre, bus), (centre, label.y))
            foot = label.y + label.height
            end = self.lane(lane, (left, centre), foot, label.y + tallest)
            ends.append((lane, centre, end))
        open_ends = [(centre, end) for lane, centre, end in ends if lane.open]
        bottom = max(end for _, _, end in ends)
        if not open_ends:
            return bottom
        meet = bottom + BUS
        for centre, end in open_ends:
            self.line((centre, end), (centre, meet), (_middle(x), meet))
        return meet

    def lane(self, lane: Lane, place: tuple[float, float], foot: float, below: float) -> float:
        """What lies on one way (its left side and middle), its label ending at `foot`; returns
        where it ends."""
        left, centre = place
        if lane.jump is not None:
            self.line((centre, foot), (centre, below + ARROW), arrow=True)
            return self.stop(lane.jump, centre, below + ARROW)
        if not lane.items:
            return foot
        end, _ = self.block(lane.items, left, below + ARROW, foot, comes=True)
        return end

    def stop(self, node: Node, centre: float, y: float) -> float:
        """The mark of a way that leads to a node elsewhere; returns where it ends."""
        words = _stop_words(node)
        wide = self.widest(words) + 2 * PAD
        height = sum(each.height for each in words) + PAD
        self.plan.labels.append(Label(centre - wide / 2, y, wide, height, words, node.text, True))
        return y + height

    # -- pieces

    def line(self, *points: Point, arrow: bool = False) -> None:
        kept = [point for n, point in enumerate(points) if n == 0 or point != points[n - 1]]
        if len(kept) > 1:
            self.plan.lines.append(Line(tuple(kept), arrow))

    def box(self, node: Node, x: float, y: float) -> Box:
        room = WIDE - ICON - PAD
        words = [Words("text", wrap(node.text, room, TEXT, bold=True))]
        if node.detail:
            words.append(Words("small", wrap(node.detail, room, SMALL)))
        if said := self.saying.node(node):
            words.append(Words("count", wrap(said, room, SMALL, bold=True)))
        height = sum(each.height for each in words) + 2 * PAD - 4
        box = Box(node, x, y, WIDE, height, tuple(words))
        self.plan.boxes.append(box)
        return box

    def label(self, edge: Edge, centre: float, y: float, room: float) -> Label:
        words = self.label_words(edge, min(room, WIDE) - 2 * PAD)
        wide = self.widest(words) + 2 * PAD
        height = sum(each.height for each in words) + 6
        label = Label(centre - wide / 2, y, wide, height, words, edge.label)
        self.plan.labels.append(label)
        return label

    def label_words(self, edge: Edge, room: float) -> tuple[Words, ...]:
        words = [Words("small", wrap(edge.label, room, SMALL))] if edge.label else []
        if said := self.saying.edge(edge):
            words.append(Words("count", wrap(said, room, SMALL, bold=True)))
        return tuple(words)

    def widest(self, words: Sequence[Words]) -> float:
        """The width of the widest line."""
        return max(
            (
                width(line, SMALL, bold=each.kind == "count")
                for each in words
                for line in each.lines
            ),
            default=0.0,
        )


def _middle(x: float) -> float:
    """The middle of a node whose left side is at `x`."""
    return x + WIDE / 2


def _stop_words(node: Node) -> tuple[Words, ...]:
    return (Words("small", wrap(node.text, LANE_MOST, SMALL)),)
