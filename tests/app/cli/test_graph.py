"""`nurture graph`: what it draws, into what, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.cli.conftest import Run, document, invoke

NAME = "trial-welcome"


def test_without_a_file_it_writes_mermaid(run: Run) -> None:
    told = run("graph", NAME)
    assert told.exit_code == 0
    assert told.stdout.startswith("flowchart TD\n")
    assert '["Send welcome"]' in told.stdout


@pytest.mark.parametrize(
    ("file", "begins"),
    [("a.svg", b"<svg "), ("a.PNG", b"\x89PNG"), ("a.mmd", b"flowchart"), ("a.json", b"{")],
)
def test_a_files_ending_says_what_it_becomes(
    run: Run, tmp_path: Path, file: str, begins: bytes
) -> None:
    told = run("graph", NAME, "--output", tmp_path / file)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("Wrote ")
    assert (tmp_path / file).read_bytes().startswith(begins)


def test_a_format_that_is_named_wins(run: Run, tmp_path: Path) -> None:
    run("graph", NAME, "--format", "svg", "--output", tmp_path / "picture.txt")
    assert (tmp_path / "picture.txt").read_text().startswith("<svg ")
    assert run("graph", NAME, "--format", "png").stdout_bytes.startswith(b"\x89PNG")


def test_json_gives_nodes_and_edges_and_says_the_file(run: Run, tmp_path: Path) -> None:
    told = document(run("graph", NAME, "--json", "--output", tmp_path / "a.svg"))
    assert told["file"] == str(tmp_path / "a.svg")
    assert told["version"] is None
    assert told["stages"][0]["name"] == "awareness"
    ids = [node["id"] for node in told["nodes"]]
    assert {edge["target"] for edge in told["edges"]} == set(ids) - {"enter"}
    assert [node["kind"] for node in told["leaving"]] == ["goal", "exit", "exit", "exit"]
    assert "leads" not in told["nodes"][0]


def test_counts_are_those_of_the_version_in_force(run: Run, folder: Path) -> None:
    file = folder / "sequences" / f"{NAME}.yaml"
    file.write_text(file.read_text().replace("wait: 2 days", "wait: 3 days"))
    assert "Wait 3 days" in run("graph", NAME).stdout
    told = document(run("graph", NAME, "--counts", "--json"))
    assert told["version"] == 1
    nodes = {node["text"]: node["leads"] for node in told["nodes"]}
    assert nodes["Wait 2 days"] == {"here": 0, "passed": None, "sent": None}
    assert nodes["Send welcome"] == {"here": 0, "passed": 0, "sent": 0}
    assert any("wait or an update" in note for note in told["notes"])
    assert "<br/>nobody here now" in run("graph", NAME, "--counts").stdout


def test_an_applied_version_can_be_drawn_by_its_number(run: Run, folder: Path) -> None:
    file = folder / "sequences" / f"{NAME}.yaml"
    file.write_text(file.read_text().replace("wait: 2 days", "wait: 3 days"))
    assert run("apply").exit_code == 0
    assert "Wait 2 days" in run("graph", NAME, "--version", "1").stdout
    assert "Wait 3 days" in run("graph", NAME, "--version", "2").stdout
    missing = run("graph", NAME, "--version", "7")
    assert missing.exit_code == 1
    assert missing.stderr == (
        f"nurture: There is no version 7 of {NAME}. Applied were: 1, 2\n"
    )


@pytest.mark.parametrize("more", [[], ["--counts"]])
def test_a_mistyped_sequence_is_answered_with_the_nearest(run: Run, more: list[str]) -> None:
    told = run("graph", "trial-welcom", *more)
    assert told.exit_code == 1
    assert told.stderr == (
        "nurture: There is no sequence 'trial-welcom'. Nearest: trial-welcome. "
        "There are: long-nurture, onboarding, trial-welcome, win-back\n"
    )


def test_files_are_drawn_before_anything_is_applied_but_not_counted(tmp_path: Path) -> None:
    place = tmp_path / "new"
    invoke("init", place)
    assert invoke("graph", "win-back", "-w", place).exit_code == 0
    told = invoke("graph", "win-back", "--counts", "-w", place)
    assert told.exit_code == 1
    assert "nurture apply" in told.stderr


def test_a_sequence_with_problems_names_them_or_is_drawn_with_a_warning(
    run: Run, folder: Path
) -> None:
    file = folder / "sequences" / "win-back.yaml"
    text = file.read_text()
    file.write_text(text.replace("send: pick-up-again", "send: gone"))
    told = run("graph", "win-back")
    assert "Send gone" in told.stdout
    assert told.stderr == (
        "sequences/win-back.yaml cannot be applied as it is: see nurture validate.\n"
    )
    file.write_text(text.replace("send: pick-up-again", "sned: pick-up-again"))
    broken = run("graph", "win-back")
    assert broken.exit_code == 1
    assert "sequences/win-back.yaml:" in broken.stderr
    assert '"send"' in broken.stderr


def test_what_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    unknown = run("graph", NAME, "--output", "a.pdf")
    assert unknown.exit_code == 2
    assert ".png, .svg" in " ".join(unknown.stderr.split())
    nowhere = run("graph", NAME, "--output", tmp_path / "no" / "a.svg")
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.stderr


def test_a_png_is_not_poured_into_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.graph._terminal", lambda: True)
    told = run("graph", NAME, "--format", "png")
    assert told.exit_code == 2
    assert "--output" in told.stderr
