"""Write the first revision anew from the models: `python -m nurture.ledger.migrations.rewrite`.

For use until the first release only; from then on a change of a table is a revision of its own.
The parts hold one function a table, with plain SQLAlchemy types: what a revision creates must
not change when the program's own column types do.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, BigInteger, Table
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from nurture.ledger import tables
from nurture.ledger.types import Duration, Instant

FOLDER = Path(__file__).with_name("first")
LINES = 200
HEADER = '''"""Part of revision 0001, written by nurture.ledger.migrations.rewrite: do not edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
'''


def plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """How a column type is written in a revision: our own types as what they are stored as."""
    if kind != "type":
        return False
    if isinstance(item, (Instant, Duration)):
        return "sa.BigInteger()"
    if isinstance(item, AutoString):
        return "sa.String()"
    if isinstance(item, JSON):
        return "DOCUMENT"
    if isinstance(item, BigInteger):
        on_sqlite = str(item.dialect_impl(sqlite.dialect()))
        return "KEY" if on_sqlite == "INTEGER" else "sa.BigInteger()"
    return False


def function_of(table: Table) -> str:
    """The source of the function that creates a table, and of the one that indexes it."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    head = f'def {table.name}() -> None:\n    """Create `{table.name}`."""'
    made = f"\n\n{head}\n    {_code([ops.CreateTableOp.from_table(table)])}\n"
    if not indexes:
        return made
    body = _code([ops.CreateIndexOp.from_index(index) for index in indexes])
    name = f"_{table.name}_indexes()"
    return f"{made}    {name}\n\n\ndef {name} -> None:\n    {body}\n"


def _code(made: Sequence[ops.MigrateOperation]) -> str:
    context = MigrationContext.configure(dialect_name="postgresql")
    code = render_python_code(
        ops.UpgradeOps(ops=made), render_item=plain_type, migration_context=context
    )
    code = code.replace("], )", "])")  # a trailing comma would spread it over four lines
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).strip()


def parts() -> Iterator[str]:
    """The functions of every table, references first, cut into files of readable length."""
    part, lines = "", 0
    for table in SQLModel.metadata.sorted_tables:
        function = function_of(table)
        length = function.count("\n") + 3 * function.count("op.create_")
        if part and lines + length > LINES:
            yield part
            part, lines = "", 0
        part += function
        lines += length
    yield part


def rewrite(folder: Path) -> list[Path]:
    """Write the parts (`part_1.py` …) and the list of tables; returns the files written."""
    for old in folder.glob("part_*.py"):
        old.unlink()
    written: list[Path] = []
    names: list[str] = []
    for place, part in enumerate(parts(), start=1):
        path = folder / f"part_{place}.py"
        path.write_text(HEADER + part, encoding="utf-8")
        names += [
            f"part_{place}.{line[4:].split('(')[0]}"
            for line in part.splitlines()
            if line.startswith("def ") and not line.startswith("def _")
        ]
        written.append(path)
    index = folder / "__init__.py"
    imports = "".join(f"from nurture.ledger.migrations.first import {p.stem}\n" for p in written)
    listed = "".join(f"    {name},\n" for name in names)
    index.write_text(
        '"""The tables of revision 0001, references first (written by `rewrite`)."""\n\n'
        f"{imports}\nTABLES = (\n{listed})\n",
        encoding="utf-8",
    )
    return [*written, index]


if __name__ == "__main__":
    assert tables.Lead.metadata is SQLModel.metadata
    files = [str(path) for path in rewrite(FOLDER)]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "format", "--quiet", *files], check=True, timeout=60)
    subprocess.run([*ruff, "check", "--fix", "--quiet", *files], check=True, timeout=60)
    sys.stdout.write(f"{len(files)} files written in {FOLDER}\n")
