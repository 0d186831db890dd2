"""Text in pictures: what may stand there, how wide it is, and where it breaks.

Nothing here knows the reader's font.  Widths are those of DejaVu Sans Bold, one of the widest in
use, so that text fits its box in any other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_WIDTHS = {
    "'": 31, "ijl": 34, " ": 35, "/IJ\\|": 37, ",.": 38, ":;": 40, "-": 42, "f": 44, "!()[]": 46,
    "t": 48, "r": 49, "_`": 50, '"*': 52, "?z": 58, "c": 59, "s": 60, "L": 64, "vxy": 65,
    "ak": 67, "EFTe": 68, "o": 69, "$0123456789": 70, "hnu{}": 71, "SYbdgpq": 72, "CPZ": 73,
    "B": 76, "AKRVX": 77, "U": 81, "G": 82, "D": 83, "#+<=>HN^~": 84, "OQ": 85, "&": 87, "w": 92,
    "%@M": 100, "m": 104, "W": 110,
}  # fmt: skip
_HUNDREDTHS = {letter: width for letters, width in _WIDTHS.items() for letter in letters}
_REGULAR = 0.93
_WIDE, _OTHER = 110, 90
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOINERS = ("\u200c", "\u200d")
_BREAK_BEHIND = "-_/"


def clean(text: str) -> str:
    """One line without what XML forbids, and without marks that turn the writing direction."""
    if text.isascii() and text.isprintable():
        return text
    kept = "".join(
        letter if letter in _JOINERS or unicodedata.category(letter) not in _INVISIBLE
        else " " if letter in "\n\r\t\u2028\u2029" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )  # fmt: skip
    return " ".join(kept.split())


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most, in the units of `size`."""
    hundredths = sum(_of_letter(letter) for letter in text)
    return hundredths / 100 * size * (1.0 if bold else _REGULAR)


def _of_letter(letter: str) -> int:
    """In hundredths; what stands on the letter before it has none."""
    if letter in _HUNDREDTHS:
        return _HUNDREDTHS[letter]
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return _WIDE if unicodedata.east_asian_width(letter) in "WF" else _OTHER


def wrap(
    text: str, room: float, size: float, *, bold: bool = False, most: int = 6
) -> tuple[str, ...]:
    """The text in lines that fit `room`; what is beyond `most` lines ends in `…`."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(clean(text), room, size, bold=bold):
        if line and width((line + piece).rstrip(), size, bold=bold) > room:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    lines += [line.rstrip()] if line.strip() else []
    if len(lines) > most:
        lines = [*lines[: most - 1], _shortened(lines[most - 1], room, size, bold=bold)]
    return tuple(lines)


def _pieces(text: str, room: float, size: float, *, bold: bool) -> Iterator[str]:
    """Words with the blank behind them, those wider than the room in parts."""
    for word in text.split():
        if width(word, size, bold=bold) <= room:
            yield f"{word} "
        else:
            yield from _parts(word, room, size, bold=bold)


def _parts(word: str, room: float, size: float, *, bold: bool) -> Iterator[str]:
    part = ""
    for letter in word:
        if part and _of_letter(letter) and width(part + letter, size, bold=bold) > room:
            cut = max(part.rfind(mark) for mark in _BREAK_BEHIND) + 1
            if not cut or width(part[cut:] + letter, size, bold=bold) > room:
                cut = len(part)
            yield part[:cut]
            part = part[cut:]
        part += letter
    yield f"{part} "


def _shortened(line: str, room: float, size: float, *, bold: bool) -> str:
    while line and width(f"{line}…", size, bold=bold) > room:
        line = line[:-1]
    return f"{line.rstrip()}…"
