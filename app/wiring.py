"""The one place where a workspace becomes something that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from app import processes
from app.changes.applied import Applied
from app.clocks import clock_of
from app.crm.choosing import ChosenCrm
from app.keys import link_keys
from app.settings import Settings
from app.shadow.running import Shadow
from app.telling.notice_forms import NoticePresses
from app.telling.notifier import ChannelNotifier
from app.transports import AppliedTransport
from flows.runtime import Runtime
from nurture.delivery.mails.press import Press
from nurture.delivery.waiting import link_keeper
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.workspace import Workspace
from nurture.language.text import source
from nurture.language.text.tree import Scalar, Table
from nurture.ledger import schema
from nurture.ledger.engine import Ledger, normal_url, open_ledger
from nurture.ledger.errors import InputRefused, LedgerError, NotFound, SchemaOutdated
from nurture.webhooks.http import HttpCaller

FILE = "nurture.yaml"
DEFAULT_DATABASE = str(Workspace.model_fields["database"].default)


def create_ledger(folder: Path, settings: Settings) -> str | None:
    """Make the ledger where there is none, and bring its tables up to this program.

    Returns the revision they stood at before, None for a new ledger.
    """
    ledger = _opened(workspace_folder(folder), settings, need_schema=False)
    try:
        return schema.upgrade(ledger)
    finally:
        ledger.close()


def open_ledger_of(folder: Path, settings: Settings) -> Ledger:
    """The ledger as it is, whatever its tables; SchemaOutdated when there is none.  Close it."""
    return _opened(workspace_folder(folder), settings, need_schema=False, make=False)


@contextmanager
def open_workspace(
    folder: Path,
    settings: Settings,
    *,
    clock: Callable[[], datetime] | None = None,
    need_schema: bool = True,
) -> Iterator[Runtime]:
    """A workspace's runtime for as long as the block lasts, on its ledger's clock or another.

    With `need_schema` the ledger's tables must be this program's (SchemaOutdated says what to
    run); without, an SQLite file and its folder are made when missing and nothing is checked.
    Raises NotFound when the folder is no workspace.
    """
    folder = workspace_folder(folder)
    ledger = _opened(folder, settings, need_schema=need_schema)
    with ExitStack() as closing:
        closing.callback(ledger.close)
        clock = clock or closing.enter_context(clock_of(ledger))
        caller = HttpCaller(settings.webhook_keys, clock)
        closing.callback(caller.close)
        crm = ChosenCrm(settings, caller)
        closing.callback(crm.close)
        applied = Applied(ledger)
        keys = link_keys(folder, settings.secret)
        transport = AppliedTransport(folder, settings, applied)
        runtime = Runtime(
            ledger=ledger,
            definitions=applied,
            transport=transport,
            connections=transport.connections() if need_schema else 1,
            keys=keys,
            clock=clock,
            owner=processes.own_name(),
            alive=processes.alive,
            press=Presses(keys, link_keeper(ledger)),
            notices=NoticePresses(keys),
            caller=caller,
            notifier=ChannelNotifier(settings, applied, transport, caller),
            crm=crm,
            crm_keys=settings.crm_keys,
        )
        runtime.shadow = shadow = Shadow(runtime)
        closing.callback(shadow.close)
        yield runtime


def workspace_folder(folder: Path) -> Path:
    """The folder, absolute; NotFound unless a nurture.yaml stands in it."""
    resolved = folder.expanduser().resolve()
    if not (resolved / FILE).is_file():
        what = "is no workspace: it has no nurture.yaml" if resolved.is_dir() else "is no folder"
        raise NotFound(
            f"{resolved} {what}. Give the folder with --workspace DIR, or make one: "
            "nurture init DIR"
        )
    return resolved


def database_url(folder: Path, settings: Settings) -> URL:
    """Where the ledger is: NURTURE_DATABASE, else `database` of nurture.yaml.

    An SQLite path is taken from the workspace's folder.  Only this one entry is read, so that a
    mistake elsewhere in the file keeps nobody from looking at the ledger.
    """
    said = settings.database.get_secret_value() if settings.database else _written(folder)
    url = normal_url(said)
    if url.get_backend_name() != "sqlite":
        return url
    if not url.database or url.database == ":memory:" or url.query:
        raise LedgerError(
            "The ledger has to be a file or a PostgreSQL database, so that it outlives this "
            "process: write database: sqlite:///.nurture/nurture.db"
        )
    return url.set(database=str((folder / url.database).resolve()))


def _written(folder: Path) -> str:
    path = folder / FILE
    text, fault = source.decode(path.read_bytes())
    node, faults = source.parse(text) if fault is None else (None, [fault])
    entry = node.get("database") if isinstance(node, Table) else None
    if entry is None and not isinstance(node, Table):
        first = faults[0] if faults else None
        said = f":{first.line}:{first.column}: {first.message}" if first else " is empty"
        raise InputRefused(f"{FILE}{said}. nurture validate shows everything that is wrong.")
    if entry is None:
        return DEFAULT_DATABASE
    if not isinstance(entry, Scalar) or not isinstance(entry.value, str):
        raise InputRefused(f"{FILE}:{entry.line}:{entry.column}: database is no address.")
    return entry.value


def _opened(
    folder: Path, settings: Settings, *, need_schema: bool, make: bool | None = None
) -> Ledger:
    url = database_url(folder, settings)
    make = not need_schema if make is None else make
    if url.get_backend_name() == "sqlite":
        file = Path(str(url.database))
        if not make and not file.exists():
            raise SchemaOutdated(f"There is no ledger at {file} yet. Run: nurture apply")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = open_ledger(url.render_as_string(hide_password=False))
    try:
        if need_schema:
            schema.check(ledger)
    except BaseException:
        ledger.close()
        raise
    return ledger


class Presses:
    """One press for one set of definitions, kept until others are applied."""

    def __init__(self, keys: tuple[bytes, ...], link_id: Callable[[str], int]) -> None:
        self._keys = keys
        self._link_id = link_id
        self._lock = threading.Lock()
        self._kept: Press | None = None

    def __call__(self, definitions: Definitions) -> Press:
        with self._lock:
            if self._kept is None or self._kept.definitions is not definitions:
                self._kept = Press(definitions, self._keys, self._link_id)
            return self._kept
