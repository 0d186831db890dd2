"""`nurture validate --strict`: advice counts where CI wants it to."""

from __future__ import annotations

from pathlib import Path

from tests.app.cli.conftest import document, invoke


def test_warnings_fail_where_they_are_to(tmp_path: Path) -> None:
    folder = tmp_path / "company"
    assert invoke("init", folder).exit_code == 0
    assert invoke("validate", "--strict", "-w", folder).exit_code == 0
    mail = folder / "templates" / "welcome.html"
    text = mail.read_text(encoding="utf-8")
    mail.write_text(text.replace("</body>", '<img src="x.png"></body>'), encoding="utf-8")
    assert invoke("validate", "-w", folder).exit_code == 0
    told = invoke("validate", "--strict", "--json", "-w", folder)
    assert told.exit_code == 1
    assert document(told)["valid"] is True
    assert [each["rule"] for each in document(told)["problems"]] == ["missing-alt"]
    assert invoke("apply", "-w", folder).exit_code == 0
