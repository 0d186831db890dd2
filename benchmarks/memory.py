"""The memory of an import: 100,000 leads from a CSV file, by the command itself."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import children, ledgers, workspaces

ROWS = 100_000
WITHIN = 300
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
    """The command in this process, then its peak memory in a line of its own."""
    from app.cli import main

    began = time.perf_counter()
    sys.argv = ["nurture", "leads", "import", file, "--workspace", folder, "--json"]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    print()
    print(json.dumps({"memory": ledgers.peak_memory(), "seconds": time.perf_counter() - began}))


def main() -> None:
    """Print the peak memory in MB (issue 2 allows 300)."""
    if len(sys.argv) > 2:
        child(*sys.argv[1:])
        return
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder, file = Path(place) / "workspace", Path(place) / "leads.csv"
        workspaces.make(folder, leads=0)
        write(file)
        said = children.ask("benchmarks.memory", folder, file)
        print(
            f"memory SQLite: {said['memory']:.0f} MB at most for importing {ROWS:,} leads from CSV "
            f"({ROWS / said['seconds']:,.0f} leads/s; {WITHIN} MB allowed)",
            flush=True,
        )


if __name__ == "__main__":
    main()
