"""What goes wrong becomes one or two lines and an exit code; never a traceback.

0 done, 1 something was found or failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from app.cli import options, show
from nurture.ledger.errors import NurtureError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What the parser raises for wrong usage: it prints that itself, with the nearest names."""
MOST_LINES = 40


class Commands(TyperGroup):
    """The root of all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command and answer for how it ends."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, UsageError):
            raise
        except KeyboardInterrupt:
            show.note("nurture: interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            _close_quietly()
            raise typer.Exit(0) from None
        except NurtureError as error:
            _refused(ctx, str(error) or type(error).__doc__ or "refused")
        except Exception as error:
            _unexpected(ctx, error)
        return answer


def _refused(ctx: Any, said: str) -> NoReturn:
    lines = show.harmless(said, breaks=True).splitlines()
    show.note("nurture: " + "\n".join(lines[:MOST_LINES]))
    if len(lines) > MOST_LINES:
        show.note(f"… and {len(lines) - MOST_LINES} more lines")
    if ctx.meta.get(options.AS_JSON):
        show.document({"error": said})
    raise typer.Exit(1)


def _unexpected(ctx: Any, error: Exception) -> NoReturn:
    """A mistake of ours, or of the machine: a short line, the whole of it into the log."""
    from app import logs

    said = " ".join(logs.redacted(str(error)).split())[:200]
    shown = f"{type(error).__name__}: {said}" if said else type(error).__name__
    path = _log_file(ctx.meta.get(options.FOLDER))
    with logs.logging_to(path, secrets=_secrets()):
        logging.getLogger("app.cli").error("a command failed", exc_info=error)
    _refused(ctx, f"something went wrong ({shown}).\nThe details are in {path}")


def _secrets() -> tuple[str, ...]:
    from app.settings import read_settings

    try:
        return read_settings().secrets()
    except NurtureError:
        return ()


def _log_file(folder: Path | None) -> Path:
    from app import logs

    place = (folder or Path()).expanduser()
    with suppress(OSError):
        if (place / "nurture.yaml").is_file() and os.access(place, os.W_OK):
            return logs.log_file(place.resolve())
    handle, name = tempfile.mkstemp(prefix="nurture-", suffix=".log")
    os.close(handle)
    return Path(name)


def _close_quietly() -> None:
    """Whoever read our output is gone: what is still buffered goes nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
