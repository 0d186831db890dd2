"""The embedded Prefect server's own process: it ends when the process that started it ends.

Run as a script by `server` with the parent's process id, host and port as arguments, and a pipe
on standard input whose other end the parent holds.  The kernel closes that pipe however the parent
dies.  PR_SET_PDEATHSIG would not do: it follows the *thread* that started the child.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

LOOK_EVERY = 1.0  # seconds; the pipe answers at once, this is for a copy of it held by a fork
SQLITE = "sqlite+aiosqlite:///"
GRACE = 5.0  # seconds between the polite request to stop and the end


def follow(parent: int) -> None:
    """Wait until `parent` is gone, then end this process, politely first."""
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], LOOK_EVERY)
        if ready and not os.read(0, 1):
            break
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    os._exit(1)


def take_turns_to_write() -> None:
    """Let every transaction of the server take SQLite's write lock as it begins.

    Prefect begins most of them DEFERRED, reads, then writes: when another one wrote in between,
    SQLite refuses at once, whatever the busy timeout, the server answers 503, and its client
    sleeps two seconds before it asks again.  Begun IMMEDIATE they wait for each other, for
    milliseconds.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_to_write(self: Any, session: Any, with_for_update: bool = True) -> Any:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_to_write  # type: ignore[method-assign]


def lay_out(url: str, pattern: Path) -> None:
    """Make the tables of a new SQLite database by copying those of `pattern`, made once.

    Prefect's migrations take eight seconds of a core, and make the same empty tables for every
    new server of a version.  `pattern` stays with the installed environment and may be deleted at
    any time; where it cannot be written, each new server migrates.
    """
    database = Path(url.removeprefix(SQLITE))
    if not url.startswith(SQLITE) or database.exists():
        return
    if not pattern.exists():
        import anyio
        from prefect.server.database.alembic_commands import alembic_upgrade

        async def upgrade() -> None:
            await anyio.to_thread.run_sync(alembic_upgrade)

        anyio.run(upgrade)
        with suppress(OSError, sqlite3.Error):
            _copy(database, pattern)
    else:
        _copy(pattern, database)


def _copy(source: Path, target: Path) -> None:
    """A whole copy or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(draft)) as new:
        old.backup(new)
    draft.replace(target)


def main(parent: int, host: str, port: str) -> None:
    """Serve until told to stop."""
    threading.Thread(target=follow, args=(parent,), daemon=True).start()
    take_turns_to_write()
    pattern = Path(sys.prefix) / "share" / "nurture" / f"prefect-{version('prefect')}.db"
    from prefect.settings import get_current_settings

    url = get_current_settings().server.database.connection_url
    lay_out(url.get_secret_value() if url else "", pattern)
    from prefect.cli import app

    sys.argv = ["prefect", "server", "start", "--host", host, "--port", port]
    app()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
