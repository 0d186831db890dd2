"""What people get wrong: one or two lines, the right exit code, no traceback."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from app.cli.program import program
from tests.app.cli.conftest import Run, document, invoke

REFUSED = [
    ("lead show nobody@example.test", "no lead with the address nobody@example.test"),
    ("lead show id:nobody", "no lead with the external id nobody"),
    ("lead timeline nobody", "not a mail address"),
    ("lead explain nobody@example.test", "no lead"),
    ("handoffs list --team enterprse", "no team 'enterprse'. Nearest: enterprise."),
    ("handoffs list --rep nobody", "no rep 'nobody'."),
    ("handoffs show 99", "no handoff 99"),
    ("handoffs accept 99", "no handoff 99"),
    ("handoffs reject 1", "reason is needed"),
    ("handoffs give 1 zoe", "not a rep"),
    ("handoffs give 1 boo", "alicia, theo. Nearest: bo."),
    *((f"handoffs {verb} --by boo", "Nobody of handoff.yaml is 'boo'. Nearest: bo.") for verb in (
        "accept 1", "touch 1", "reject 1 --reason budget", "recycle 1 --reason budget",
        "give 1 mareike", "pause 1 --until 2036-03-09", "snooze 1 --for 1h", "resume 1",
        "outcome 1 meeting",
    )),
    ("handoffs touch 1 --by Bo.Lindkvist@example.test", "Nearest: bo.lindqvist@example.test."),
    ("handoffs touch 1 --by zoe", "Nobody of handoff.yaml is 'zoe'."),
    ("handoffs outcome 1 lost", "reason is needed"),
    ("sequences pause trial-welcom", "Did you mean trial-welcome?"),
    ("sequences resume nothing", "no sequence 'nothing'"),
    ("messages resolve 99 --sent", "no message 99"),
    ("messages list --lead nobody@example.test", "no lead"),
    ("tokens revoke abcdefgh", "no token"),
    ("tokens create x --scope king", "no scope"),
    ("leads import missing.csv", "is not there"),
]
WRONG_USE = [
    ("tick --now yesterday", "no instant"),
    ("tick --now 2026-03-02T09:00", "write 2026-03-02T09:00Z for UTC"),
    ("lead explain ann@example.test --now 2026-03-02T09", "write 2026-03-02T09:00Z for UTC"),
    ("lead explain ann@example.test --now 2026-02-30T09:00Z", "no instant"),
    ("tick --now 9999-12-31T23:59Z", "ten years ahead"),
    ("tick --now 0001-01-01T00:00+14:00", "before 2000"),
    ("messages resolve 1", "--sent or --resend"),
    ("messages resolve 1 --sent --resend", "--sent or --resend"),
    ("messages list --state unknwn", "did you mean unknown?"),
    ("handoffs accept one", "valid integer"),
    ("handoffs outcome 1 maybe", "one of meeting, opportunity, won, lost"),
    ("handoffs outcome 1 oportunity", "did you mean opportunity?"),
    ("handoffs list --state maybe", "maybe"),
    ("handoffs list --state rejectd", "did you mean rejected?"),
    ("schema sequense", "did you mean sequence?"),
    ("graph trial-welcome --format mermade", "did you mean mermaid?"),
    ("handoffs show 99999999999999999999", "9223372036854775807"),
    ("handoffs lst", "Did you mean 'list'?"),
    ("sequence list", "Did you mean 'sequences'?"),
    ("tick --nw 2026-03-02T09:00Z", "--now"),
    ("lead show", "Missing argument"),
    ("sequences enter win-back", "--from"),
]


@pytest.mark.parametrize(("command", "said"), REFUSED)
def test_what_cannot_be_done_is_said_in_a_line_and_ends_with_1(
    run: Run, command: str, said: str
) -> None:
    told = run(*command.split())
    assert told.exit_code == 1, told.output
    assert said in told.stderr
    assert told.stderr.startswith("nurture: ")
    assert len(told.stderr.splitlines()) <= 2
    assert "Traceback" not in told.output


@pytest.mark.parametrize(("command", "said"), REFUSED[:4])
def test_a_refusal_is_one_json_document_too(run: Run, command: str, said: str) -> None:
    told = run(*command.split(), "--json")
    assert told.exit_code == 1
    assert said in document(told)["error"]


@pytest.mark.parametrize(("command", "said"), WRONG_USE)
def test_wrong_use_ends_with_2_and_names_what_was_meant(run: Run, command: str, said: str) -> None:
    told = run(*command.split())
    assert told.exit_code == 2, told.output
    assert said in told.stderr
    assert "Traceback" not in told.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "email"], "not FIELD=COLUMN"),
        (["--map", "=x"], "not FIELD=COLUMN"),
        (["--map", "email=a", "--map", "email=b"], "mapped twice"),
        (["--encoding", "utf-99"], "no encoding"),
        (["--delimiter", "ab"], "not one character"),
    ],
)
def test_a_wrong_way_to_read_a_file_is_wrong_use(
    run: Run, folder: Path, options: list[str], said: str
) -> None:
    told = run("leads", "import", folder / "leads.csv", *options)
    assert told.exit_code == 2
    assert said in told.stderr


def test_a_column_that_is_not_there_is_named_with_those_that_are(run: Run, folder: Path) -> None:
    told = run("leads", "import", folder / "leads.csv", "--map", "company=Firm")
    assert told.exit_code == 1
    assert "Firm" in told.stderr
    assert "external_id" in told.stderr


def test_a_zone_that_does_not_exist_is_wrong_use(run: Run, folder: Path) -> None:
    told = run("events", "import", folder / "engagements.jsonl", "--zone", "Europe/Berln")
    assert told.exit_code == 2
    assert "did you mean Europe/Berlin?" in told.stderr


def test_a_file_that_is_no_text_is_refused(run: Run, folder: Path) -> None:
    file = folder / "photo.csv"
    file.write_bytes(b"\x89PNG\xff\xfe\x00\x01" * 50)
    told = run("leads", "import", file)
    assert told.exit_code == 1
    assert "Traceback" not in told.output


def test_the_reject_file_is_never_the_file_itself(run: Run, folder: Path) -> None:
    file = folder / "leads.csv"
    told = run("leads", "import", file, "--reject-file", file)
    assert told.exit_code == 1
    assert file.read_text().startswith("external_id,")


@pytest.mark.parametrize("command", ["validate", "apply", "lead show x@example.test", "doctor"])
def test_a_folder_that_is_no_workspace_is_named_with_what_to_do(
    tmp_path: Path, command: str
) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        told = invoke(*command.split(), "--workspace", place)
        assert told.exit_code == 1
        assert "nurture init" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_applied_yet_is_said_and_no_ledger_is_left_behind(tmp_path: Path) -> None:
    place = tmp_path / "w"
    invoke("init", place)
    told = invoke("tick", "-w", place)
    assert told.exit_code == 1
    assert "nurture apply" in told.stderr + told.stdout
    for file in (place / ".nurture").iterdir():
        if file.name.startswith("nurture.db"):
            file.unlink()
    told = invoke("lead", "show", "ann@example.test", "-w", place)
    assert "nurture apply" in told.stderr
    assert not (place / ".nurture" / "nurture.db").exists()


def test_broken_yaml_is_told_with_line_and_column_and_keeps_nobody_from_reading(
    run: Run, folder: Path
) -> None:
    path = folder / "sequences" / "win-back.yaml"
    path.write_text(path.read_text().replace("  - stage: pause", "  - stge: pause"))
    told = run("validate")
    assert told.exit_code == 1
    assert re.search(r"sequences/win-back\.yaml:\d+:\d+: .*stge", told.stdout)
    assert run("validate", "--json").exit_code == 1
    applied = run("apply", "--json")
    assert applied.exit_code == 1
    kept = {c["name"]: c["status"] for c in document(applied)["changes"]}
    assert kept["win-back"] == "kept"
    assert run("lead", "show", "ann@example.test").exit_code == 0


def test_a_broken_nurture_yaml_refuses_the_apply_but_not_a_look(run: Run, folder: Path) -> None:
    path = folder / "nurture.yaml"
    path.write_text(path.read_text().replace("brand: Brindlow", "brnd: Brindlow"))
    applied = run("apply", "--json")
    assert applied.exit_code == 1
    assert document(applied)["refused"] is True
    assert run("lead", "show", "ann@example.test").exit_code == 0
    path.write_text("a: [\n")
    told = run("lead", "show", "ann@example.test")
    assert told.exit_code == 1
    assert "nurture.yaml:" in told.stderr


def test_a_ledger_of_another_revision_says_what_to_run(run: Run, folder: Path) -> None:
    with sqlite3.connect(folder / ".nurture" / "nurture.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    told = run("sequences", "list")
    assert told.exit_code == 1
    assert "newer release" in told.stderr
    assert run("apply").exit_code == 1


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "::::"])
def test_a_database_that_would_not_last_or_does_not_fit_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("NURTURE_DATABASE", address)
    told = run("sequences", "list")
    assert told.exit_code == 1
    assert "Traceback" not in told.output


def test_a_future_instant_is_a_rehearsal_said_aloud(run: Run) -> None:
    told = run("tick", "--now", "2033-01-01T00:00Z")
    assert "rehearsal" in told.stderr


def test_a_rehearsal_never_sends_real_mail(run: Run, folder: Path) -> None:
    path = folder / "nurture.yaml"
    path.write_text(
        path.read_text().replace(
            "  maildir: .nurture/maildir", "  smtp: {host: 127.0.0.1, port: 9}"
        )
    )
    assert run("apply").exit_code == 0
    told = run("tick", "--now", "2026-03-02T09:30Z")
    assert told.exit_code == 1
    assert "rehearsals" in told.stderr


def test_our_own_mistake_is_a_short_line_and_the_rest_is_in_the_log(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from insight import listing

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-7f3@example.test fell over")

    monkeypatch.setattr(listing, "sequences", broken)
    told = run("sequences", "list")
    assert told.exit_code == 1
    assert "RuntimeError" in told.stderr
    assert "canary" not in told.output
    assert "Traceback" not in told.output
    log = (folder / ".nurture" / "log" / "nurture.log").read_text()
    assert "Traceback" in log
    assert "canary" not in log


def test_interrupting_is_clean(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from insight import listing

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "sequences", interrupted)
    told = run("sequences", "list")
    assert told.exit_code == 130
    assert told.stderr == "nurture: interrupted\n"


def _commands(group: object, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inside = (*words, name)
        found += _commands(command, inside) if hasattr(command, "commands") else [inside]
    return found


def _all() -> list[tuple[str, ...]]:
    from typer.main import get_command

    return _commands(get_command(program))


@pytest.mark.parametrize("words", _all(), ids=" ".join)
def test_the_help_of_every_command_holds_an_example_and_speaks_of_json(
    words: tuple[str, ...],
) -> None:
    told = invoke(*words, "--help")
    assert told.exit_code == 0
    assert re.search(rf"Examples?:\n\s+nurture {' '.join(words)}", told.stdout)
    assert "--json" in told.stdout
    assert all(len(line) <= 80 for line in told.stdout.splitlines())
