"""The environment, the keys, and the names of processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import processes
from app.keys import FILE, link_keys
from app.settings import Settings, read_settings, unknown_settings
from nurture.ledger.errors import InputRefused


def test_secrets_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE", "SECRET", "SMTP_PASSWORD", "PREFECT_AUTH"):
        monkeypatch.setenv(f"NURTURE_{name}", "canary-secret")
    settings = read_settings()
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.secrets() == ("canary-secret",) * 4


def test_a_setting_that_does_not_fit_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NURTURE_PORT", "canary")
    with pytest.raises(InputRefused, match="NURTURE_PORT") as told:
        read_settings()
    assert "canary" not in str(told.value)


def test_a_variable_that_means_nothing_is_named_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NURTURE_SMTP_PASWORD", "x")
    assert unknown_settings() == ["NURTURE_SMTP_PASWORD (did you mean NURTURE_SMTP_PASSWORD?)"]


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = link_keys(tmp_path, None)
    assert link_keys(tmp_path, None) == first
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert len(first[0]) == 64


def test_many_who_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    found: list[tuple[bytes, ...]] = []
    threads = [
        threading.Thread(target=lambda: found.append(link_keys(tmp_path, None))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 16
    assert len(set(found)) == 1


def test_a_second_line_is_the_newer_key_and_the_first_is_kept(tmp_path: Path) -> None:
    (old,) = link_keys(tmp_path, None)
    with (tmp_path / FILE).open("a") as file:
        file.write("b" * 40 + "\n")
    assert link_keys(tmp_path, None) == (old, b"b" * 40)


def test_the_environment_goes_before_the_file_and_leaves_none(tmp_path: Path) -> None:
    keys = link_keys(tmp_path, SecretStr(f"{'a' * 20}, {'b' * 20}"))
    assert keys == (b"a" * 20, b"b" * 20)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["short", f"{'a' * 32} short"])
def test_a_short_key_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputRefused, match="too short") as told:
        link_keys(tmp_path, SecretStr(text))
    assert "aaaa" not in str(told.value)


def test_an_empty_key_file_is_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.keys._PATIENCE", 0.05)
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).touch()
    with pytest.raises(InputRefused, match="backup"):
        link_keys(tmp_path, None)
    assert (tmp_path / FILE).read_text() == ""


def test_the_default_settings_listen_on_this_machine_alone() -> None:
    assert Settings().host == "127.0.0.1"


def test_a_process_is_alive_until_it_has_ended() -> None:
    code = "from app.processes import own_name; print(own_name(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert processes.alive(name)
    child.kill()
    assert child.wait(10)
    child.communicate()
    assert not processes.alive(name)


def test_a_later_process_with_the_same_number_is_another() -> None:
    host, pid, _ = processes.own_name().partition("/")[0].rsplit(":", 2)
    assert int(pid) == os.getpid()
    assert not processes.alive(f"{host}:{pid}:1/1")
    assert processes.alive(f"another-host:{pid}:1/1")
    assert processes.alive("nobody knows")


def test_two_runs_of_one_process_have_two_names() -> None:
    assert processes.own_name() != processes.own_name()
