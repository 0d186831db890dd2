"""A desk to import files at."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from sqlalchemy import select

from nurture.ledger.engine import Ledger
from nurture.ledger.imports import ImportReport, import_engagements, import_leads
from tests.fixtures_ledger import NOW


class Desk:
    """A folder with a file to import and the ledger it goes to."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        self.rejects = folder / "rejects.csv"

    def file(self, content: str | bytes, name: str = "leads.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def leads(self, content: str | bytes, *, name: str = "leads.csv", **given: Any) -> ImportReport:
        options: dict[str, Any] = {"mapping": {}, "field_types": {}} | given
        path = self.file(content, name)
        return import_leads(self.ledger, path, now=NOW, reject_path=self.rejects, **options)

    def events(self, content: str, *, name: str = "log.csv", **given: Any) -> ImportReport:
        options: dict[str, Any] = {"mapping": {}} | given
        path = self.file(content, name)
        return import_engagements(self.ledger, path, now=NOW, reject_path=self.rejects, **options)

    def all(self, model: type[Any]) -> list[Any]:
        with self.ledger.begin() as session:
            return list(session.execute(select(model).order_by(model.id)).scalars())

    def rejected(self) -> list[dict[str, str]]:
        with self.rejects.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
