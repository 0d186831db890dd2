"""Python, SQLite, time zones, Prefect, disk, settings and the key file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from app.health.finding import Finding
from app.keys import FILE
from app.settings import Settings, unknown_settings

RESET_BUG_GONE = (3, 51, 3)
LEAST_FREE = 200_000_000
LITTLE_FREE = 2_000_000_000
PREFECT = (
    ("prefect", "3.8.8", "3.9"),
    ("fastapi", "0.139", "0.151"),
    ("sqlalchemy", "2.0.40", "2.1"),
)
"""Package, the first version that serves and the first that does not: as pyproject.toml says."""


def python(folder: Path, settings: Settings) -> Iterator[Finding]:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"{version} ({sys.executable})")


def sqlite(folder: Path, settings: Settings) -> Iterator[Finding]:
    """SQLite before 3.51.3 can damage a WAL database that several processes write."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < RESET_BUG_GONE:
        yield Finding(
            "sqlite",
            "warn",
            version,
            "Before 3.51.3 SQLite has the WAL-reset bug: when two processes write and checkpoint "
            "at the same moment, a database can be damaged (some distributions have repaired it "
            "in older versions). One process at a time is safe: do not import or tick beside "
            "`nurture up`. With more processes use PostgreSQL (database: postgresql://…).",
        )
    else:
        yield Finding("sqlite", "ok", version)


def zones(folder: Path, settings: Settings) -> Iterator[Finding]:
    """The time zone data, and that it knows what it should."""
    known = available_timezones()
    try:
        ZoneInfo("Europe/Berlin")
    except (LookupError, ValueError, OSError):
        yield Finding("time zones", "fail", "none", "Install the tzdata package.")
        return
    try:
        release = metadata.version("tzdata")
    except metadata.PackageNotFoundError:
        release = "of the system"
    yield Finding("time zones", "ok", f"{len(known)} zones, tzdata {release}")


def prefect(folder: Path, settings: Settings) -> Iterator[Finding]:
    """Versions beside which Prefect's server starts and schedules; nothing is imported."""
    for package, first, beyond in PREFECT:
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Finding(package, "fail", "not installed", f"pip install '{package}>={first}'")
            continue
        if _parts(first) <= _parts(found) < _parts(beyond):
            yield Finding(package, "ok", found)
        else:
            yield Finding(
                package,
                "fail",
                found,
                f"Outside {first} … {beyond} Prefect's server does not start, or schedules "
                f"nothing: pip install '{package}>={first},<{beyond}'",
            )


def _parts(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split("."):
        digits = "".join(letter for letter in part if letter.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)


def disk(folder: Path, settings: Settings) -> Iterator[Finding]:
    """Room for the ledger, the mail folder and the logs."""
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        advice = "A full disk stops everything. Make room before the next tick."
        yield Finding("disk", "fail", said, advice)
    elif free < LITTLE_FREE:
        yield Finding("disk", "warn", said, "Less than 2 GB: the ledger and its log need room.")
    else:
        yield Finding("disk", "ok", said)


def environment(folder: Path, settings: Settings) -> Iterator[Finding]:
    """Variables that look like ours and are not."""
    if unknown := unknown_settings():
        said = ", ".join(unknown)
        yield Finding("settings", "warn", said, "These variables mean nothing; correct the name.")
    else:
        yield Finding("settings", "ok", "every NURTURE_ variable is known")


def keys(folder: Path, settings: Settings) -> Iterator[Finding]:
    """The keys that sign links, readable by their owner alone."""
    path = folder / FILE
    if settings.secret is not None:
        yield Finding("link keys", "ok", "from NURTURE_SECRET")
        return
    if not path.exists():
        yield Finding("link keys", "ok", "no key file yet; it is made when it is first needed")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        yield Finding(
            "link keys",
            "fail",
            f"{path} can be read by others ({mode:o})",
            f"Whoever reads it can forge links: chmod 600 {path}",
        )
    else:
        yield Finding("link keys", "ok", f"{path} ({mode:o})")


Check = Callable[[Path, Settings], Iterator[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", python),
    ("sqlite", sqlite),
    ("time zones", zones),
    ("prefect", prefect),
    ("disk", disk),
    ("settings", environment),
    ("link keys", keys),
)
