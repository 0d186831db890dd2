"""Logs name leads by number: addresses, tokens and passwords are taken out of every record.

They are taken out when a record is made, whoever made it, so that every handler, also Prefect's,
gets it clean: message, arguments and traceback.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

FOLDER = Path(".nurture") / "log"
FILE = "nurture.log"
SIZE = 5_000_000
KEPT = 5
CHATTY = ("httpx", "httpcore", "apscheduler", "alembic", "asyncio", "urllib3")
"""Libraries that tell of every request; their warnings are enough."""
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_RULES = (
    # scheme://user:password@host
    (re.compile(r"(?<=://)[^\s/@]+@"), "‹password›@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ‹token›"),
    (re.compile(r"(?i)\b((?:password|passwd|secret|api_key)['\"]?\s*[=:]\s*)\S+"), r"\1‹hidden›"),
    # API tokens: <prefix>_<secret>
    (re.compile(r"(?<![\w-])([a-z0-9]{8})_[A-Za-z0-9_-]{43}(?![\w-])"), r"\1_‹token›"),
    # signed links: <numbers>.<mark>
    (
        re.compile(
            r"(?<![\w.-])[A-Za-z0-9_-]{2,64}\.(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{24}(?![\w-])"
        ),
        "‹link›",
    ),
    (
        re.compile(
            r"(?:[^\s@<>\"'()\[\],;:/=‹›]|(?<=\w)'(?=\w)){1,64}(?:@|%40)[^\s@<>\"'()\[\],;:/?&‹›]*[^\W_]"
        ),
        "‹address›",
    ),
)


def redacted(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without addresses, tokens, passwords and the given secrets."""
    for secret in secrets:
        text = text.replace(secret, "‹hidden›")
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


class _Clean:
    """Makes records without what must not be in a log."""

    def __init__(self, make: Any, secrets: tuple[str, ...]) -> None:
        self._make = make
        self._secrets = secrets
        self._formatter = logging.Formatter()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        if isinstance(record.msg, str):
            record.msg = redacted(record.msg, self._secrets)
        else:  # an exception or another object: what it says may be about somebody
            record.msg = redacted(str(record.msg), self._secrets)
        if isinstance(record.args, Mapping):
            record.args = {name: self._plain(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(self._plain(value) for value in record.args)
        if record.exc_info and record.exc_info[0] is not None:
            said = self._formatter.formatException(record.exc_info)
            record.exc_text = redacted(said, self._secrets)
        return record

    def _plain(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return redacted(str(value), self._secrets)


class _File(RotatingFileHandler):
    """A log its owner alone can read."""

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        return super()._open()


def log_file(folder: Path) -> Path:
    """Where a workspace's log is."""
    return folder / FOLDER / FILE


@contextmanager
def logging_to(
    path: Path, *, secrets: tuple[str, ...] = (), level: int = logging.INFO
) -> Iterator[None]:
    """Log into a file as long as the block lasts; it is made when there is something to say."""
    root, made = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level
    handler = _File(path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(FORMAT))
    long_enough = tuple(secret for secret in secrets if len(secret) >= 4)
    logging.setLogRecordFactory(_Clean(made, long_enough))
    root.addHandler(handler)
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        logging.setLogRecordFactory(made)
        handler.close()
