"""What every test shares: a clean environment, the databases, and the account of what ran.

Nothing a user has set reaches a test, except the switches in `GROUPS`.  PostgreSQL and SQLite come
as addresses only; engines, sessions and roll-back belong to the conftest.py of each folder.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from tests.groups import SWITCHES, Account, group_of, why_left_out

PREFECT_FOLDER = tempfile.mkdtemp(prefix="nurture-tests-prefect-")


def _isolate() -> None:
    """Forget the user's own settings; keep Prefect away from their profile and from the network."""
    for name in list(os.environ):
        if name.startswith("PREFECT_") or (name.startswith("NURTURE_") and name not in SWITCHES):
            del os.environ[name]
    os.environ |= {
        "PREFECT_HOME": PREFECT_FOLDER,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        # Its loggers stay set up for the tests that come after those of flows.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "DO_NOT_TRACK": "1",
    }


# The machine may be busy: no example is wrong for having taken long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
gc.set_threshold(50_000, 10, 10)  # 700 by default: a twentieth of a run was looking for cycles
_isolate()  # at import: before any test module can import Prefect


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Account(os.environ.get("NURTURE_TEST_REQUIRE", "")), "account")


def pytest_unconfigure() -> None:
    shutil.rmtree(PREFECT_FOLDER, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for group in group_of(item):
            item.user_properties.append(("group", group))
            if reason := why_left_out(group, os.environ):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """All that was imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object) -> str | None:
    """A value of a megabyte would make a name of a megabyte, passed between processes."""
    if isinstance(val, str | bytes) and len(val) > 120:
        return f"{val[:20]!r} and on, {len(val):,} in all"
    return None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; ask for it in tests marked `shared`."""
    return Path(os.environ["NURTURE_SHARED_DATA"]).resolve()


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The Redis of this run; ask for it in tests marked `redis`."""
    return os.environ["NURTURE_TEST_REDIS"]


@contextmanager
def _database() -> Iterator[str]:
    """An empty PostgreSQL database, dropped at the end: `postgresql+psycopg://…`."""
    import psycopg
    from sqlalchemy import make_url

    server = make_url(os.environ["NURTURE_TEST_POSTGRES"]).set(drivername="postgresql")
    if not server.database:
        server = server.set(database="postgres")
    name = f"nurture_test_{os.getpid()}_{secrets.token_hex(4)}"
    admin = server.render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True, connect_timeout=10) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        # Tests kill processes, never the machine: no commit needs to wait for the disk.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        own = server.set(drivername="postgresql+psycopg", database=name)
        yield own.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(admin, autocommit=True, connect_timeout=10) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The PostgreSQL database of this process's tests, with the password in its address; for
    tests marked `postgres` that undo what they write."""
    with _database() as url:
        yield url


@pytest.fixture
def own_postgres_url() -> Iterator[str]:
    """A PostgreSQL database of the test's own, for what a whole program writes into it."""
    with _database() as url:
        yield url


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def ledger_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database for the ledger, once on SQLite and once on PostgreSQL.

    The tests of one session share it: undo what you write.
    """
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite3'}"
