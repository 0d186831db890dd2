"""The pages of the API, in the docs and in the program: they do and show all there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from app.web.api_docs import document
from tests.web.conftest import Offer, Place

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def examples() -> list[str]:
    """The commands of the page, each on one line."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^    (curl .*)$", text, re.MULTILINE)


def test_the_commands_of_the_page_do_what_it_says(
    place: Place, offer: Offer, crm: dict[str, str]
) -> None:
    token = crm["authorization"].removeprefix("Bearer ")
    commands = examples()
    assert len(commands) == 5
    for command in commands:
        words = shlex.split(command.replace("$TOKEN", token))[1:]
        method, body, headers, url = "GET", None, {}, ""
        while words:
            match words.pop(0):
                case "-X":
                    method = words.pop(0)
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case "-d":
                    body = words.pop(0)
                case word:
                    url = word
        path = url.removeprefix("http://127.0.0.1:8080")
        found = place.ask(method, path, headers=headers, content=body)
        assert found.status_code == 200, (command, found.text)


def test_the_description_is_whole(place: Place) -> None:
    said = place.ask("GET", "/api/openapi.json").json()
    assert said == document()
    verbs = {path.rsplit("/", 1)[-1] for path in said["paths"] if "{number}/" in path}
    told = re.findall(r"`(\w+)`", "".join(
        line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ))  # fmt: skip
    assert verbs <= set(told)
    assert "/engagements" in said["paths"]
    names = re.findall(r'"#/components/schemas/([^"]+)"', str(said).replace("'", '"'))
    assert set(names) <= said["components"]["schemas"].keys()
    for methods in said["paths"].values():
        for each in methods.values():
            assert each["description"]
            assert each["x-scopes"]
            assert {"401", "403", "422"} <= each["responses"].keys()


def test_the_page_of_the_api_shows_every_request(place: Place) -> None:
    page = place.ask("GET", "/api/docs", peer="203.0.113.4")
    assert page.status_code == 200
    for path, methods in document()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.text
    assert "<script" not in page.text
