"""Certificates for the sink, made when first needed and for this run alone."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from nurture.delivery.states import TRANSITIONS
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import ledger, migrated_ledger

__all__ = ["ledger", "migrated_ledger"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1 in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "key.pem", folder / "crt.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(crt)],
        check=True,
        capture_output=True,
        timeout=20,
    )
    both = folder / "both.pem"
    both.write_text(key.read_text() + crt.read_text())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def guarded(ledger: Ledger) -> Iterator[Ledger]:
    """A ledger that refuses every change of a message's state the table of states does not know."""
    ways = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state = '{new}')"
        for old, targets in TRANSITIONS.items()
        for new in targets
    )
    wrong = f"OLD.state <> NEW.state AND NOT ({ways})"
    with ledger.engine.begin() as connection:
        for statement in _GUARD[ledger.dialect]:
            connection.execute(text(statement.format(wrong=wrong)))
    try:
        yield ledger
    finally:
        with ledger.engine.begin() as connection:
            on = " ON message" if ledger.dialect == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER state_guard{on}"))


_REFUSE = """
CREATE OR REPLACE FUNCTION state_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'no such way between states: % to %', OLD.state, NEW.state;
END $$
"""
_GUARD = {
    "sqlite": [
        """CREATE TRIGGER state_guard BEFORE UPDATE OF state ON message WHEN {wrong}
        BEGIN SELECT raise(ABORT, 'no such way between states'); END"""
    ],
    "postgresql": [
        _REFUSE,
        """CREATE TRIGGER state_guard BEFORE UPDATE OF state ON message FOR EACH ROW
        WHEN ({wrong}) EXECUTE FUNCTION state_guard()""",
    ],
}
