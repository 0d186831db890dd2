"""Which settings the embedded Prefect server and its clients run with, and why.

Reasons and measurements: docs, "Prefect in this project".  Everything here is plain data; the
process's environment is passed in.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

import certifi

from app.embedded import prefect_drain
from app.embedded.prefect_reach import base_url

HEARTBEAT = 30  # seconds; the automation `crash-zombies` waits for two and a half

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # its bundle calls out from the browser
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false",
}
BATCHES = {  # by default the recorder writes in small commits and SQLite crawls
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
}
RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "2592000",  # runs: 30 days
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P3D",
}
CLIENT = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # no server: say so, do not start another
    "PREFECT_API_REQUEST_TIMEOUT": "5",
    "PREFECT_CLIENT_MAX_RETRIES": "1",  # one wait of 2 s for a busy SQLite; 10 s when it is gone
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",  # the UI has the rest
    "PREFECT_CLI_PROMPT": "false",
    "DO_NOT_TRACK": "1",
}


def server_settings(home: Path, host: str, port: int, auth_string: str = "") -> dict[str, str]:
    """The server's settings: its own folder and database, quiet, in batches, with retention."""
    own = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": "/api",  # relative: right on any port, behind any proxy
        "PREFECT_API_URL": f"{base_url(host, port)}/api",
    }
    if auth_string:
        own["PREFECT_SERVER_API_AUTH_STRING"] = own["PREFECT_API_AUTH_STRING"] = auth_string
    return QUIET | BATCHES | RETENTION | own


def prefect_environment(home: Path, api_url: str, *, auth_string: str = "") -> dict[str, str]:
    """What a process that runs flows against `api_url` needs in its environment."""
    own = {"PREFECT_HOME": str(home), "PREFECT_API_URL": api_url}
    if api_url.startswith("http://"):
        own["PREFECT_API_SSL_CERT_FILE"] = str(_one_certificate(home))
    if auth_string:
        own["PREFECT_API_AUTH_STRING"] = auth_string
    return CLIENT | own


def _one_certificate(home: Path) -> Path:
    """A bundle of a single certificate, for a server that is spoken to without TLS.

    Prefect reads the whole bundle of the world's authorities three times a flow run, to make
    clients that never use it: a tenth of a second of processor time each run.
    """
    path = home / "one-certificate.pem"
    if not path.exists():
        whole = Path(certifi.where()).read_text(encoding="utf-8")
        first = whole[whole.index("-----BEGIN") :].partition("-----END CERTIFICATE-----")[0]
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(f"{first}-----END CERTIFICATE-----\n", encoding="utf-8")
    return path


def without_prefect(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without anybody's own Prefect settings (profile, Cloud address, key)."""
    return {name: value for name, value in environ.items() if not name.startswith("PREFECT_")}


@contextlib.contextmanager
def prefect_client(
    environ: MutableMapping[str, str], variables: Mapping[str, str]
) -> Iterator[None]:
    """Point Prefect in this whole process, its threads and its children at a server.

    `environ` is the process's environment (`os.environ`, handed over by the caller); `variables`
    come from `prefect_environment`.  The environment is changed rather than Prefect's settings
    context, because a thread that does not carry that context would fall back to the user's own
    profile.  At the end what Prefect still has to tell the server is handed over, so leave this
    block before the server stops; then the environment is restored.
    """
    before = dict(environ)
    _replace(environ, without_prefect(before) | dict(variables) | _no_proxy(before))
    try:
        yield
    finally:
        prefect_drain.drain(variables["PREFECT_API_URL"])
        _replace(environ, before)


def _replace(environ: MutableMapping[str, str], wanted: Mapping[str, str]) -> None:
    for name in set(environ) - set(wanted):
        del environ[name]
    environ.update(wanted)
    if context := sys.modules.get("prefect.context"):
        context.refresh_global_settings_context()


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Loopback is never reached through somebody's HTTP proxy."""
    known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = ",".join(filter(None, [known, "127.0.0.1", "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}
