"""The valid names nearest to one that was mistyped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str] | Mapping[str, str], count: int = 3) -> list[str]:
    """Up to `count` of the `known` names closest to `name`, best first; often none.

    Letter case and blanks do not count, and the last part of a path name stands for the whole
    (`berlin` finds `Europe/Berlin`).  A mapping leads from each way of writing to its name.
    """
    meant = known if isinstance(known, Mapping) else {each: each for each in known}
    written: dict[str, str] = {}
    for spelling, target in sorted(meant.items()):
        folded = _folded(spelling)
        written.setdefault(folded, target)
        written.setdefault(folded.rpartition("/")[2], target)
    matches = get_close_matches(_folded(name), written, n=3 * count, cutoff=0.7)
    return list(dict.fromkeys(written[match] for match in matches))[:count]


def suggestion(name: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """` Nearest: A, B.`, to append to an error's text; empty when nothing is near."""
    names = nearest(name, known)
    return f" Nearest: {', '.join(names)}." if names else ""


def _folded(name: str) -> str:
    return name.strip().replace(" ", "_").casefold()
