"""`python -m benchmarks.alone NAME`: one benchmark in this process, one JSON line a figure."""

from __future__ import annotations

import importlib
import json
import signal
import sys

from benchmarks.figures import Missing, Unequal

MISSING, UNEQUAL = 3, 4
"""Exit codes: it cannot run here; its two sides did different work."""


def main(name: str) -> int:
    """Print its figures as they are found, or on standard error why there are none."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what it started is ended on the way out
    try:
        for figure in importlib.import_module(f"benchmarks.{name}").measure():
            print(json.dumps(figure.plain()), flush=True)
    except (Missing, Unequal) as why:
        print(why, file=sys.stderr)
        return MISSING if isinstance(why, Missing) else UNEQUAL
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
