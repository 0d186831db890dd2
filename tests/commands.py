"""`nurture` with some words, run in this process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import typer.testing
from typer.testing import CliRunner, Result

from app.cli.program import program

# Typer reads the signatures of all commands anew for each call: 98 % of what a wrong word costs.
typer.testing._get_command = cache(typer.testing._get_command)


def invoke(*words: str | Path) -> Result:
    """Run `nurture` with these words, in this process."""
    return CliRunner().invoke(program, [str(word) for word in words], prog_name="nurture")
