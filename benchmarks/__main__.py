"""`python -m benchmarks [NAME …]`: every benchmark, or those named, one after another."""

from __future__ import annotations

import importlib
import sys
import traceback

ALL = ("advance", "mail")


def main(names: list[str]) -> int:
    """Run them; one that cannot run is said aloud and the others go on.  1 if any failed."""
    failed = 0
    for name in names or ALL:
        try:
            importlib.import_module(f"benchmarks.{name}").main()
        except Exception:
            failed = 1
            print(f"{name}: could not be measured", file=sys.stderr)
            traceback.print_exc()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
