"""Colours and signs of pictures, for light and dark screens.

Written as classes with their light values: a renderer that knows no `@media` (the one for PNG)
shows those.  No meaning hangs on a colour alone: every node says in words what it does.
"""

from __future__ import annotations

LIGHT = {
    "ground": "#ffffff", "band": "#f1f4f8", "line": "#7b8794", "box": "#ffffff",
    "edge": "#cbd3dc", "ink": "#17202b", "soft": "#525f6d",
}  # fmt: skip
DARK = {
    "ground": "#0f151c", "band": "#19222c", "line": "#7d8b9b", "box": "#232e3a",
    "edge": "#3d4a58", "ink": "#e8edf3", "soft": "#abb7c4",
}  # fmt: skip
KINDS = {
    "enter": ("#15803d", "#4ade80"), "gate": ("#7c3aed", "#b794ff"),
    "send": ("#1d5fd1", "#74aaff"), "wait": ("#5b6775", "#9fb0c1"),
    "wait_for": ("#0e7490", "#4fd0e6"), "branch": ("#b45309", "#f6ad55"),
    "split": ("#0f766e", "#5eead4"),
    "update": ("#4d7c0f", "#a3d94f"), "score": ("#a16207", "#eac54f"),
    "start": ("#4f46e5", "#a5a0ff"), "hand_off": ("#be185d", "#f687b3"),
    "stop": ("#9f3a38", "#f0908d"), "goto": ("#4f46e5", "#a5a0ff"),
    "webhook": ("#0369a1", "#7dd3fc"), "notify": ("#be185d", "#f687b3"),
    "end": ("#5b6775", "#9fb0c1"), "goal": ("#15803d", "#4ade80"), "exit": ("#9f3a38", "#f0908d"),
}  # fmt: skip
"""By kind of node: its colour on light and on dark."""

SIGNS = {
    "enter": "M2 8h9M8 4.5 11.5 8 8 11.5M14 2v12",
    "gate": "M3 14V5l5-3 5 3v9M6.5 14V9.5h3V14",
    "send": "M1.5 3.5h13v9h-13zM1.5 4.5 8 9.5l6.5-5",
    "wait": "M8 1.5a6.5 6.5 0 1 0 .01 0M8 4.5V8l2.5 1.5",
    "wait_for": "M4 1.5h8M4 14.5h8M5 1.5v3l3 3.5 3-3.5v-3M5 14.5v-3L8 8l3 3.5v3",
    "branch": "M8 14.5V9M8 9 3 4.5M8 9l5-4.5M3 8V4.5h3.5M13 8V4.5H9.5",
    "split": "M1.5 8h4M5.5 8c3 0 3-4.5 8.5-4.5M5.5 8c3 0 3 4.5 8.5 4.5M5.5 8H14",
    "update": "M2 2h6l6 6-6 6-6-6zM5.2 5.2h.01",
    "score": "M8 3v10M3 8h10",
    "start": "M2 3v10M5 8h9M10.5 4.5 14 8l-3.5 3.5",
    "stop": "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2zM5 8h6",
    "goto": "M12.5 13.5V7a3.5 3.5 0 0 0-3.5-3.5H3M6 .8 3 3.5l3 2.7",
    "webhook": "M6.5 9.5l3-3M7 4.5l2-2A3.2 3.2 0 0 1 13.5 7l-2 2M9 11.5l-2 2A3.2 3.2 0 0 1 2.5 9",
    "notify": "M3.5 12V7.5a4.5 4.5 0 0 1 9 0V12M2 12h12M6.5 14.5h3",
    "hand_off": "M8 2.2a2.6 2.6 0 1 0 .01 0M2.8 14c.5-3.4 2.5-5 5.2-5s4.7 1.6 5.2 5",
    "end": "M4 4h8v8H4z",
    "goal": "M3.5 14.5v-13M3.5 2.5h9L10 5.8l2.5 3.2h-9",
    "exit": "M9 2H3v12h6M7 8h7M11 5l3 3-3 3",
}
"""By kind of node: a drawing of 16 by 16, in strokes."""

FONT = (
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',"
    "'Noto Sans','DejaVu Sans',Ubuntu,Cantarell,sans-serif"
)
"""What a system has, by name: the renderer for PNG takes `sans-serif` for Arial."""


def style() -> str:
    """The style sheet of a picture."""
    return _rules(LIGHT, 0) + f"@media (prefers-color-scheme:dark){{{_rules(DARK, 1)}}}" + _SHAPES


def _rules(colour: dict[str, str], which: int) -> str:
    rules = [
        f".ground{{fill:{colour['ground']}}}",
        f".band{{fill:{colour['band']}}}",
        f".line{{stroke:{colour['line']}}}",
        f".tip{{fill:{colour['line']}}}",
        f".box{{fill:{colour['box']};stroke:{colour['edge']}}}",
        f".elsewhere{{fill:{colour['box']};stroke:{colour['line']}}}",
        f".text,.title,.count{{fill:{colour['ink']}}}",
        f".small{{fill:{colour['soft']}}}",
    ]
    for kind, colours in KINDS.items():
        rules.append(f".{kind}{{fill:{colours[which]}}}.{kind}-sign{{stroke:{colours[which]}}}")
    return "".join(rules)


_SHAPES = (
    ".line{fill:none;stroke-width:1.5;stroke-linecap:round}.box,.elsewhere{stroke-width:1}"
    ".sign{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}"
    f"text{{font-family:{FONT};font-size:11.5px}}"
    ".text{font-size:13px;font-weight:600}.title{font-size:20px;font-weight:700}"
    ".count{font-weight:600}"
)
