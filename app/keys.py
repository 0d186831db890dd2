"""The keys that sign links: from the environment, else a file only its owner can read.

A link works as long as its key is kept, so a key is never overwritten: to change it, add a line;
the last one signs, every one is accepted.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from pydantic import SecretStr

from nurture.ledger.errors import InputRefused

SHORTEST = 16
FILE = Path(".nurture") / "secret"
_PATIENCE = 2.0  # seconds for another process to finish the file it has just made


def link_keys(folder: Path, secret: SecretStr | None) -> tuple[bytes, ...]:
    """The keys of a workspace, the newest last; its key file is made when there is none.

    Raises InputRefused when a key is too short or the file cannot be used.
    """
    if secret is not None and secret.get_secret_value().strip():
        words = secret.get_secret_value().replace(",", " ").split()
        return _long_enough(tuple(word.encode() for word in words), "NURTURE_SECRET")
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        return _long_enough(_read(path), str(path))
    except OSError as error:
        raise InputRefused(
            f"The key file {path} cannot be used ({error.strerror}). Make it readable for this "
            "user, or set NURTURE_SECRET."
        ) from error


def _make(path: Path) -> None:
    """A new key, unless somebody was faster; whole on the disk before anybody signs with it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[bytes, ...]:
    deadline = time.monotonic() + _PATIENCE
    while not (text := path.read_text(encoding="utf-8", errors="replace")).strip():
        if time.monotonic() > deadline:
            raise InputRefused(
                f"The key file {path} is empty. Restore it from a backup; only when no mail has "
                "been sent yet may you delete it, and a new one is made."
            )
        time.sleep(0.02)
    return tuple(line.strip().encode() for line in text.splitlines() if line.strip())


def _long_enough(keys: tuple[bytes, ...], where: str) -> tuple[bytes, ...]:
    if not keys or min(map(len, keys)) < SHORTEST:
        raise InputRefused(
            f"A key in {where} is shorter than {SHORTEST} characters, too short to sign links. "
            "A good one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return keys
