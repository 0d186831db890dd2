"""Bring a ledger's tables up to this program, or say that they do not fit."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from nurture.ledger.engine import Ledger
from nurture.ledger.errors import LedgerError, SchemaOutdated

SCRIPTS = Path(__file__).with_name("migrations")


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    made = Config()
    # Alembic reads the value through a ConfigParser: a % in a path would be an interpolation.
    made.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return made


def program_revision() -> str:
    """The revision this program needs."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


def ledger_revision(connection: Connection) -> str | None:
    """The revision a ledger stands at, None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(ledger: Ledger) -> str | None:
    """Migrate the ledger to this program's tables, in one transaction; a killed upgrade leaves
    the tables as they were.  Returns the revision it stood at before (None: it was empty).

    Raises SchemaOutdated when the ledger is newer than this program.
    """
    try:
        with ledger.engine.begin() as connection:
            before = ledger_revision(connection)
            _refuse_newer(before)
            made = config()
            made.attributes["connection"] = connection
            command.upgrade(made, "head")
    except (DBAPIError, CommandError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise LedgerError(
            f"The tables could not be brought up to date: {cause}. Nothing was changed."
        ) from error
    return before


def check(ledger: Ledger) -> None:
    """Raise SchemaOutdated, with what to run, unless the tables are exactly this program's."""
    with ledger.engine.connect() as connection:
        found = ledger_revision(connection)
    wanted = program_revision()
    if found == wanted:
        return
    _refuse_newer(found)
    state = "has no tables yet" if found is None else f"has tables of revision {found}"
    raise SchemaOutdated(
        f"The ledger {state}; this program needs revision {wanted}. Run: nurture db upgrade"
    )


def check_unless_empty(ledger: Ledger) -> bool:
    """`check`, but an empty database is fine, as an apply makes its tables: True when it is."""
    with ledger.engine.connect() as connection:
        empty = ledger_revision(connection) is None
    if not empty:
        check(ledger)
    return empty


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaOutdated(
            f"The ledger has tables of revision {found}, which this program does not know: it was "
            "upgraded by a newer release. Install that release (nurture db upgrade cannot go back)."
        )
