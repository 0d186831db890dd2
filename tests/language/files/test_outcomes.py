"""The table of outcomes is what the language tells of it."""

from __future__ import annotations

from pathlib import Path

from nurture.language.files import outcomes
from nurture.language.files.outcomes import EFFECTS, Outcomes


def test_the_language_tells_the_table_of_outcomes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "language.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:6] for line in page.splitlines() if line.startswith("| `")]
    told = {name.strip(" `"): [cell.strip() for cell in cells] for name, *cells in rows}
    words = {"": "", "may": "a reason", "needed": "a reason, needed"}
    for name, effect in EFFECTS.items():
        said = ", ".join(filter(None, ("an amount" * effect.amount, words[effect.reason])))
        ends = "ends" if effect.ends else "goes on"
        assert told[name] == [effect.state, effect.lifecycle, said, ends]
        doc = outcomes.__doc__ or ""
        line = next(each for each in doc.splitlines() if each.split()[:1] == [name])
        cells = (name, effect.state, effect.lifecycle, said)
        assert line.split() == " ".join(cells).split()


def test_every_outcome_but_what_a_ladder_says_may_be_followed() -> None:
    assert [*Outcomes.model_fields] == [name for name in EFFECTS if name != "lapsed"]
