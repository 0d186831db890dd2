"""The memory of an import: 100,000 leads from a CSV file, by the command itself."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import children, ledgers, workspaces
from benchmarks.figures import Figure, same

ROWS = 100_000
COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "company",
    "country",
    "timezone",
    "employees",
    "note",
)


def write(path: Path) -> None:
    """A file as a CRM writes it: fields we know, one of the workspace's own, one unknown."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for i in range(ROWS):
            zone = ledgers.ZONES[i % len(ledgers.ZONES)]
            rows.writerow(
                (f"person{i}@example.test", "Ann", f"Doe {i}", f"Company {i % 9000}", "DE", zone,
                 i % 500, "met at the fair, wants to be called back in spring")
            )  # fmt: skip


def child(folder: str, file: str) -> None:
    """The command in this process, then its peak memory and what it imported."""
    from app.cli import main

    sys.argv = ["nurture", "leads", "import", file, "--workspace", folder, "--json"]
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    took = time.perf_counter() - began
    imported = json.loads(said.getvalue())["imported"]
    print(json.dumps({"memory": ledgers.peak_memory(), "seconds": took, "imported": imported}))


def measure() -> Iterator[Figure]:
    """The peak memory of the command, in MB."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder, file = Path(place) / "workspace", Path(place) / "leads.csv"
        workspaces.make(folder, leads=0)
        write(file)
        said = children.ask("benchmarks.memory", folder, file)
        same({"imported": ROWS}, {"imported": said["imported"]}, where="leads import")
    yield Figure(
        f"SQLite: nurture leads import of {ROWS:,} leads from CSV",
        said["memory"],
        "MB",
        at_most=300,
        detail=f"({ROWS / said['seconds']:,.0f} leads/s)",
    )


if __name__ == "__main__":
    child(*sys.argv[1:])
