"""A workspace becomes a runtime: ledger, definitions, presses, transports."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from app.reading import looking
from app.settings import Settings
from app.transports import transport_for
from app.wiring import create_ledger, database_url, open_workspace
from nurture.delivery.carriers.maildir import MaildirTransport
from nurture.delivery.carriers.smtp import SmtpTransport
from nurture.language.files.workspace import Delivery, Smtp
from nurture.ledger.errors import NotFound, SchemaOutdated
from tests.app.cli.conftest import folder, invoke, played

__all__ = ["folder", "played"]


def test_a_database_path_is_taken_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "nurture.yaml").write_text("database: sqlite:///data/ours.db\nbroken: {{\n")
    with pytest.raises(Exception, match=r"nurture.yaml:\d+:\d+: not YAML"):
        database_url(tmp_path, Settings())
    (tmp_path / "nurture.yaml").write_text("database: sqlite:///data/ours.db\nunknown: key\n")
    assert database_url(tmp_path, Settings()).database == str(tmp_path / "data" / "ours.db")


def test_a_ledger_is_made_with_its_folder_and_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "nurture.yaml").write_text("brand: x\n")
    with pytest.raises(SchemaOutdated, match="nurture apply"), open_workspace(tmp_path, Settings()):
        pass
    assert not (tmp_path / ".nurture").exists()
    assert create_ledger(tmp_path, Settings()) is None
    assert (tmp_path / ".nurture").stat().st_mode & 0o077 == 0
    with open_workspace(tmp_path, Settings()) as runtime, pytest.raises(NotFound, match="apply"):
        runtime.definitions()


def test_definitions_are_kept_until_others_are_applied(folder: Path) -> None:
    with open_workspace(folder, Settings()) as runtime:
        first = runtime.definitions()
        press = runtime.press(first)
        assert runtime.definitions() is first
        assert runtime.press(first) is press
        scoring = folder / "scoring.yaml"
        scoring.write_text(scoring.read_text().replace("at: 60", "at: 70"))
        assert invoke("apply", "-w", folder).exit_code == 0
        second = runtime.definitions()
        assert second.scoring.thresholds[0].at == 70
        assert runtime.press(second) is not press


def test_definitions_can_be_asked_for_inside_a_transaction(folder: Path) -> None:
    with open_workspace(folder, Settings()) as runtime, runtime.ledger.begin() as session:
        session.execute(text("UPDATE lead SET company = 'x'"))
        assert runtime.definitions().active
        with looking(runtime.ledger) as other:
            found = other.execute(text("SELECT count(*) FROM lead WHERE company = 'x'")).scalar()
        assert found == 0  # what is not committed is not seen


def test_the_clock_can_be_another(folder: Path) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    with open_workspace(folder, Settings(), clock=lambda: at) as runtime:
        assert runtime.clock() == at
        assert runtime.alive(runtime.owner)


def test_mail_goes_into_the_folder_until_a_host_is_named(tmp_path: Path) -> None:
    settings = Settings(smtp_user="ann", smtp_password="hidden")  # type: ignore[arg-type]
    box = transport_for(Delivery(), tmp_path, settings)
    assert box == MaildirTransport(tmp_path / ".nurture" / "maildir")
    smtp = transport_for(
        Delivery(smtp=Smtp(host="mail.example.test", encryption="tls")), tmp_path, settings
    )
    assert isinstance(smtp, SmtpTransport)
    assert (smtp.settings.tls, smtp.settings.user) == ("implicit", "ann")
    assert "hidden" not in repr(smtp)
