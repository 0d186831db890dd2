"""`--update`: what came of stories is written into their files as what is expected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.stories.running import Result
from nurture.language.text.rewriting import Change, NotRewritten, rewrite
from nurture.ledger.errors import InputRefused

BOM = "\ufeff"


def update(folder: Path, results: Iterable[Result]) -> list[tuple[str, int]]:
    """Write every difference into its file: (file, values changed).

    Only values of `expect` that differ are written, all else stays byte for byte; a story in which
    a deed could not be done is left alone.  Raises InputRefused, with nothing written to that file,
    when it is written in a way that cannot be changed piece by piece.
    """
    changes: dict[str, list[Change]] = {}
    for result in results:
        if result.played.trouble:
            continue
        for failed in result.played.failed:
            for each in failed.differences:
                loc = result.case.loc(failed.number, each.key)
                changes.setdefault(result.case.file, []).append((loc, each.got))
    for file, these in changes.items():
        _write(folder / file, file, these)
    return [(file, len(these)) for file, these in changes.items()]


def _write(path: Path, name: str, changes: list[Change]) -> None:
    text = path.read_bytes().decode("utf-8")
    mark = BOM if text.startswith(BOM) else ""
    try:
        new = rewrite(text.removeprefix(BOM), changes)
    except NotRewritten as error:
        raise InputRefused(f"{name} was left as it is: {error}. Change it by hand.") from error
    path.write_bytes((mark + new).encode("utf-8"))
