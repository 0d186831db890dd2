"""Pictures: nothing overlaps, no text leaves its box, and no name breaks one."""

from __future__ import annotations

import re
import sys
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from insight.drawing import png as png_
from insight.drawing.layout import ICON, PAD, Box, Plan, Words, place
from insight.drawing.lettering import clean, width, wrap
from insight.drawing.look import KINDS, style
from insight.drawing.mermaid import mermaid
from insight.drawing.nesting import nest
from insight.drawing.saying import Picture, saying
from insight.drawing.svg import svg
from insight.steps import Count, Counts
from nurture.language.compiled.compile import compile_sequence
from nurture.language.compiled.graph import Graph, graph_of
from nurture.language.compiled.program import Program
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.one_file import read
from tests.language.conftest import PLAIN
from tests.language.drawn_sequences import FEW, SEQUENCES, compiled

SIXTY = Path(__file__).with_name("sixty.yaml").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"]; click step1 </text><script>x</script> %%{init: {}}%% `a` #quot; |x| \u202e\x00 end'


def _workspace() -> Workspace:
    data = (PLAIN / "nurture.yaml").read_bytes()
    model = read(Workspace, "nurture.yaml", data, LENIENT, name="nurture").model
    assert model is not None
    return model


HEAD = _workspace()


def program_of(text: str) -> Program:
    reading = read(SequenceModel, "x.yaml", text.encode(), LENIENT, name="x")
    assert reading.model is not None, reading.problems
    return compile_sequence(reading.model, HEAD, definition_id=1, topics={})


def starter(name: str) -> Graph:
    return graph_of(program_of((PLAIN / "sequences" / f"{name}.yaml").read_text()))


def counted(graph: Graph) -> Counts:
    """Large numbers everywhere."""
    nodes = {node.id: Count(1_234_567, 7_654_321, 1_000_000) for node in graph.nodes}
    return Counts(
        nodes | {node.id: Count(passed=123_456) for node in graph.leaving},
        {(edge.source, edge.target): 7_654_321 for edge in graph.edges if edge.reasons},
        {stage.name: 9_999_999 for stage in graph.stages},
        elsewhere=3,
    )


def plan_of(graph: Graph, counts: Counts | None = None) -> Plan:
    return place(nest(graph), graph.leaving, saying(counts))


Rectangle = tuple[float, float, float, float]


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def rectangles(plan: Plan) -> list[Rectangle]:
    return [
        (each.x, each.y, each.x + each.width, each.y + each.height)
        for each in [*plan.boxes, *plan.labels]
    ]


def widest(words: tuple[Words, ...]) -> float:
    sizes = {"text": (13.0, True), "small": (11.5, False), "count": (11.5, True)}
    return max(
        (width(line, sizes[each.kind][0], bold=sizes[each.kind][1])
         for each in words for line in each.lines),
        default=0.0,
    )  # fmt: skip


def sound(graph: Graph, counts: Counts | None) -> None:
    plan = plan_of(graph, counts)
    assert {box.node.id for box in plan.boxes} == {n.id for n in (*graph.nodes, *graph.leaving)}
    placed = rectangles(plan)
    for one, other in combinations(placed, 2):
        assert not overlap(one, other)
    for left, top, right, bottom in placed:
        assert left >= 0
        assert top >= 0
        assert right <= plan.width
        assert bottom <= plan.height
    for line in plan.lines:
        for (x, y), (to_x, to_y) in zip(line.points, line.points[1:], strict=False):
            assert x == to_x or y == to_y, "ways run straight"
            ink = (min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y))
            assert not any(overlap(ink, each) for each in placed), "a way runs through text"
    for each in [*plan.boxes, *plan.labels]:
        left = ICON if isinstance(each, Box) else PAD
        assert widest(each.words) <= each.width - left - PAD + 0.001
        assert sum(words.height for words in each.words) <= each.height


@pytest.mark.parametrize("with_counts", [False, True])
@pytest.mark.parametrize("name", ["trial-welcome", "long-nurture", "win-back", "sixty"])
def test_nothing_overlaps_and_no_text_leaves_its_box(name: str, with_counts: bool) -> None:
    graph = graph_of(program_of(SIXTY)) if name == "sixty" else starter(name)
    sound(graph, counted(graph) if with_counts else None)


@FEW
@given(content=SEQUENCES)
def test_any_sequence_can_be_drawn(content: dict[str, Any]) -> None:
    graph = graph_of(compiled(content, HEAD))
    counts = counted(graph)
    sound(graph, counts)
    picture = Picture(graph, "as written", counts)
    root = ET.fromstring(svg(picture))
    drawn = {group.get("id") for group in root.iter(f"{SVG}g")} - {None}
    assert drawn == {node.id for node in (*graph.nodes, *graph.leaving)}
    well_formed(mermaid(picture))


def test_sixty_steps_stay_narrow_enough_to_read() -> None:
    graph = graph_of(program_of(SIXTY))
    assert len(graph.nodes) >= 60
    plan = plan_of(graph)
    assert plan.width < 1_800
    assert plan.height < 5_000


LABEL = r'"[\w .,()=+\'?!/#;:<>-]*"'
LINE = re.compile(
    rf"""flowchart\ TD
    |\ \ accTitle:\ [\w\ -]+
    |\ \ %%\ [^%{{]*
    |\ \ (\ \ )?\w+(\(\[|\{{\{{|\{{|\[/|\[\[|\[){LABEL}(\]\)|\}}\}}|\}}|/\]|\]\]|\])
    |\ \ subgraph\ \w+\[{LABEL}\]
    |\ \ end
    |\ \ \w+\ -->(\|{LABEL}\|)?\ \w+
    |\ \ classDef\ is_\w+\ stroke:\#\w+,stroke-width:2px
    |\ \ class\ [\w,]+\ is_\w+""",
    re.VERBOSE,
)


def well_formed(text: str) -> None:
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
        for label in re.findall(r'"([^"]*)"', line):
            assert "<" not in label.replace("<br/>", ""), line


def test_mermaid_says_every_node_and_way() -> None:
    text = mermaid(Picture(starter("trial-welcome")))
    well_formed(text)
    assert '  enter(["Enters on form_submitted with form is trial<br/>once per lead' in text
    assert '    step13{{"Gate: score at least 30"}}' in text
    assert '  step13 -->|"otherwise"| step14' in text
    assert '  subgraph stage4["decision"]' in text


def hostile() -> Graph:
    quoted = HOSTILE.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "")
    return graph_of(
        program_of(
            f'sequence: s\ndescription: "{quoted}"\ntopic: t\nenter: {{when: {{event: poked}}}}\n'
            f'exit: [{{when: {{country: "{quoted}"}}, reason: "{quoted}"}}]\nstages:\n'
            f'  - {{stage: one, steps: [{{branch: [{{when: {{country: "{quoted}"}}, '
            f'steps: [{{end: "{quoted}"}}]}}]}}]}}\n'
        )
    )


def test_hostile_names_break_no_picture() -> None:
    picture = Picture(hostile(), HOSTILE, notes=(HOSTILE,))
    well_formed(mermaid(picture))
    drawing = svg(picture)
    root = ET.fromstring(drawing)
    assert not list(root.iter(f"{SVG}script"))
    assert "\u202e" not in drawing
    assert "\x00" not in drawing
    shown = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert any("</text><script>" in line for line in shown)


def test_a_picture_is_told_to_who_cannot_see_it() -> None:
    root = ET.fromstring(svg(Picture(starter("win-back"), "as written")))
    assert root.get("role") == "img"
    named = [root.find(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert root.get("aria-labelledby") == "title desc"
    title, told = (each.text or "" for each in named if each is not None)
    assert title == "Sequence win-back"
    assert "4. Send pick-up-again; stage reconnect (on to 5)" in told
    assert "(within 10 days: on to 6, otherwise: on to 8)" in told


def test_a_picture_is_drawn_for_dark_screens_too() -> None:
    assert "@media (prefers-color-scheme:dark)" in svg(Picture(starter("win-back")))


def test_text_breaks_between_words_and_where_names_allow_it() -> None:
    assert wrap("one two three", 60, 13, bold=True) == ("one two", "three")
    assert wrap("a-name-that-is-long", 80, 13, bold=True) == ("a-name-", "that-is-", "long")
    assert wrap("/" + "0" * 9, 80, 13, bold=True) == ("/00000000", "0")
    assert wrap("word " * 40, 60, 13, most=2)[1].endswith("…")
    assert wrap("", 60, 13) == ()
    assert clean("a\nb\u202ec\x07") == "a b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"


def test_a_png_shows_text() -> None:
    drawn = png_.png(Picture(starter("win-back")))
    assert drawn.startswith(b"\x89PNG")
    nothing = Picture(starter("win-back"), "and nothing else")
    assert drawn != png_.png(nothing), "words change the picture"


def test_without_its_package_a_png_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(png_.CannotDraw, match=r"pip install 'nurture\[png\]'"):
        png_.png(Picture(starter("win-back")))


def test_no_kind_of_node_is_coloured_like_something_else_by_its_name() -> None:
    light = style().partition("@media")[0]
    classes = [name for names in re.findall(r"([^{}]+)\{fill", light) for name in names.split(",")]
    assert len(classes) > len(KINDS)
    assert len(classes) == len(set(classes))
