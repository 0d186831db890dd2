"""The documentation says everything a user can write, set or type, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from app.cli.program import program
from app.settings import PREFIX, Settings
from app.simulation.model import Simulation
from nurture.delivery.states import TRANSITIONS
from nurture.delivery.rendering.words import known_filters
from nurture.language.files.handoff import HandoffRules
from nurture.language.files.scoring import Scoring
from nurture.language.files.sequence import SequenceModel
from nurture.language.grammar.vocabulary import EVENTS, LEAD_FIELDS, OPERATORS, SUBJECTS
from nurture.language.files.workspace import Workspace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGE = DOCS / "language.md"
HEADS = (Workspace, Scoring, HandoffRules, SequenceModel)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) +(.+?)$", re.MULTILINE)
PICTURES = DOCS / "images"


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", text_of(page))


def code_of(page: Path) -> str:
    """Everything on the page that is set as code: what a reader can write down."""
    spans = re.findall(r"`([^`\n]+)`", prose_of(page))
    return "\n".join([*FENCE.findall(text_of(page)), *spans])


def models(head: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and every model reached through its fields."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = [head]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            if each not in found:
                found.add(each)
                waiting += [info.annotation for info in each.model_fields.values()]
        else:
            waiting += list(getattr(each, "__args__", ()))
    return found


def keys(head: type[BaseModel]) -> list[str]:
    fields = (item for model in models(head) for item in model.model_fields.items())
    return sorted({info.alias or name for name, info in fields})


def commands(group: Any, before: str = "nurture") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


ALL_COMMANDS = sorted(commands(typer.main.get_command(program)))


def anchors(page: Path) -> set[str]:
    """The names under which headings can be linked to, as code hosts make them."""
    titles = (found[2] for found in HEADING.finditer(prose_of(page)))
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.__name__)
def test_every_key_of_the_yaml_stands_in_the_language_reference(head: type[BaseModel]) -> None:
    said = set(re.findall(r"[a-z_]+", code_of(LANGUAGE)))
    assert keys(head)
    assert [key for key in keys(head) if key not in said] == []


def test_every_key_of_the_model_of_behaviour_stands_on_its_page() -> None:
    said = set(re.findall(r"[a-z_]+", code_of(DOCS / "simulation.md")))
    assert {"per_day", "group", "touch_after"} <= set(keys(Simulation))
    assert [key for key in keys(Simulation) if key not in said] == []


def test_the_models_of_the_language_are_all_reached() -> None:
    """Guards the test above: a field whose type hides its model would be passed over."""
    names = {model.__name__ for head in HEADS for model in models(head)}
    assert {"CalendarModel", "Holidays", "Smtp", "BehaviourRule", "RungModel", "Recycle"} <= names
    assert {"ArmModel", "GateModel", "UpdateStep", "HandOffModel", "LateModel"} <= names
    assert {"Story", "StoryLead", "Deed", "Expect"} <= names


@pytest.mark.parametrize(
    "words", [EVENTS, LEAD_FIELDS, OPERATORS, SUBJECTS], ids=["event", "field", "test", "subject"]
)
def test_every_word_of_conditions_stands_in_the_language_reference(words: Any) -> None:
    said = set(re.findall(r"[a-z_]+", code_of(LANGUAGE)))
    assert [word for word in words if word not in said] == []


def test_every_filter_of_mails_stands_in_the_language_reference() -> None:
    said = set(re.findall(r"`([a-z0-9_]+)`", text_of(LANGUAGE)))
    assert set(known_filters()) - said == set()


def test_every_setting_stands_in_operations() -> None:
    said = set(re.findall(rf"{PREFIX}[A-Z_]+", text_of(DOCS / "operations.md")))
    assert {PREFIX + name.upper() for name in Settings.model_fields} - said == set()


def test_every_setting_the_docs_name_exists() -> None:
    """`NURTURE_HOME` is read by prefect.yaml, those of the tests by the tests; channels are named
    by whoever has them."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"NURTURE_HOME"}
    named = {name for page in PAGES for name in re.findall(rf"{PREFIX}[A-Z_]+", text_of(page))}
    others = ("NURTURE_TEST_", "NURTURE_CHANNEL_")
    assert {name for name in named - known if not name.startswith(others)} == set()


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_every_command_stands_in_the_docs(command: str) -> None:
    everything = "\n".join(code_of(page) for page in PAGES)
    assert re.search(rf"{re.escape(command)}(?![\w-])", everything), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_the_docs_show_exists(page: Path) -> None:
    groups = {command.rpartition(" ")[0] for command in ALL_COMMANDS}
    for first, second in re.findall(r"\bnurture ([a-z]+)(?: ([a-z]+))?", code_of(page)):
        whole = f"nurture {first} {second}" if f"nurture {first}" in groups else f"nurture {first}"
        assert whole.strip() in {*ALL_COMMANDS, *groups - {"nurture"}}, whole


def test_every_state_of_a_mail_stands_in_sending() -> None:
    said = set(re.findall(r"`([a-z_]+)`", text_of(DOCS / "sending.md")))
    assert set(TRANSITIONS) - said == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose_of(page)):
        assert "://" not in target, f"{page.name} leaves the documentation: {target}"
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        if found.parent != PICTURES:
            assert found.is_file(), f"{page.name}: there is no {target}"
        if anchor:
            assert anchor in anchors(found), f"{page.name}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_heading_is_empty(page: Path) -> None:
    prose = FENCE.sub("(code)", text_of(page))
    found = list(HEADING.finditer(prose))
    assert found, "a page has a heading"
    for heading, following in zip(found, [*found[1:], None], strict=True):
        body = prose[heading.end() : following.start() if following else None].strip()
        deeper = following is not None and len(following[1]) > len(heading[1])
        assert body or deeper, f"{page.name}: nothing under {heading[2]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        each = waiting.pop()
        if each in reached or each.suffix != ".md" or not each.is_file():
            continue
        reached.add(each)
        targets = LINK.findall(prose_of(each))
        waiting += [(each.parent / target.partition("#")[0]).resolve() for target in targets]
        waiting += sorted(DOCS.glob("adr/*.md")) if each.parent.name == "adr" else []
    assert page in reached or page.name == "CHANGELOG.md"


@pytest.mark.parametrize("page", sorted(DOCS.glob("adr/*.md")), ids=lambda page: page.stem)
def test_a_decision_is_short(page: Path) -> None:
    assert re.match(r"# \d{3} \S", text_of(page))
    assert text_of(page)[2:5] == page.name[:3]
    assert len(HEADING.findall(text_of(page))) <= 5
    assert len(text_of(page).split()) <= 300
