"""The command line: `nurture …`."""

from app.cli.program import main

__all__ = ["main"]
