"""Where the copy of a ledger is: a file beside it, or a schema of the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, func, select, text

from nurture.ledger import schema
from nurture.ledger.engine import Ledger, open_ledger

ENDINGS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Beside:
    """The place beside one ledger."""

    ledger: Ledger

    def identity(self) -> int | None:
        """What tells one copy from the next that stands in its place; None while there is none."""
        if self.ledger.dialect == "sqlite":
            with suppress(FileNotFoundError):
                return self._file().stat().st_ino
            return None
        with self.ledger.engine.connect() as connection:
            found = connection.execute(
                text("SELECT oid FROM pg_namespace WHERE nspname = :name"), {"name": self._schema()}
            ).scalar()
            return None if found is None else int(found)

    def open(self) -> Ledger:
        """The copy; close it."""
        return self._at("")

    @contextmanager
    def making(self) -> Iterator[Ledger]:
        """An empty ledger that takes the copy's place when the block ends well; until then, and
        when it does not, what was there stays."""
        self._drop(".new")
        if self.ledger.dialect != "sqlite":
            self._run(f'CREATE SCHEMA "{self._schema(".new")}"')
        made = self._at(".new")
        try:
            schema.upgrade(made)
            yield made
        except BaseException:
            made.close()
            self._drop(".new")
            raise
        made.close()
        if self.ledger.dialect == "sqlite":
            self._drop("")
            self._file(".new").replace(self._file())
        else:
            old, new = self._schema(), self._schema(".new")
            self._run(
                f'DROP SCHEMA IF EXISTS "{old}" CASCADE', f'ALTER SCHEMA "{new}" RENAME TO "{old}"'
            )

    def drop(self) -> None:
        """Delete the copy, if there is one."""
        self._drop("")

    def _at(self, more: str) -> Ledger:
        url: URL = self.ledger.engine.url
        if self.ledger.dialect == "sqlite":
            return open_ledger(str(self._file(more)))
        return open_ledger(url.render_as_string(hide_password=False), schema=self._schema(more))

    def _drop(self, more: str) -> None:
        if self.ledger.dialect == "sqlite":
            for ending in ENDINGS:
                Path(f"{self._file(more)}{ending}").unlink(missing_ok=True)
        else:
            self._run(f'DROP SCHEMA IF EXISTS "{self._schema(more)}" CASCADE')

    def _file(self, more: str = "") -> Path:
        own = Path(str(self.ledger.engine.url.database))
        return own.with_name(f"{own.stem}-shadow{own.suffix}{more}")

    def _schema(self, more: str = "") -> str:
        with self.ledger.engine.connect() as connection:
            own = connection.execute(select(func.current_schema())).scalar()
        return f"{own}_shadow{more.replace('.', '_')}"

    def _run(self, *statements: str) -> None:
        with self.ledger.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
