"""What commands do first: settings, log, workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import Session

    from app.settings import Settings
    from flows.runtime import Runtime
    from nurture.language.compiled.definitions import Definitions


@dataclass(frozen=True)
class Opened:
    """An open workspace as a command sees it."""

    folder: Path
    settings: Settings
    runtime: Runtime

    @property
    def now(self) -> datetime:
        """The instant of this command."""
        return self.runtime.clock()

    @property
    def definitions(self) -> Definitions:
        """What is applied; NotFound when nothing is."""
        return self.runtime.definitions()

    @property
    def zone(self) -> str:
        """The zone instants are shown in: the workspace's, UTC while nothing is applied."""
        from nurture.ledger.errors import NotFound

        try:
            return self.definitions.workspace.zone
        except NotFound:
            return "UTC"

    @contextmanager
    def looking(self) -> Iterator[Session]:
        """A session that changes nothing and waits for nobody."""
        from app.reading import looking

        with looking(self.runtime.ledger) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one transaction."""
        with self.runtime.ledger.begin() as session:
            yield session


def chosen(folder: Path | None, settings: Settings) -> Path:
    """The workspace's folder: as said, else of the environment, else the current one."""
    return settings.workspace if folder is None else folder


@contextmanager
def opened(
    folder: Path | None,
    *,
    clock: Callable[[], datetime] | None = None,
    need_schema: bool = True,
) -> Iterator[Opened]:
    """Read the settings, open the log and the workspace, and close them again."""
    from app import logs
    from app.settings import read_settings
    from app.wiring import open_workspace, workspace_folder

    settings = read_settings()
    place = workspace_folder(chosen(folder, settings))
    with (
        logs.logging_to(logs.log_file(place), secrets=settings.secrets()),
        open_workspace(place, settings, clock=clock, need_schema=need_schema) as runtime,
    ):
        yield Opened(place, settings, runtime)
