"""200 stories through `nurture test`: the starter workspace's own, told again and again.

The command runs as a user runs it, start and end of its processes included.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from benchmarks import children
from benchmarks.figures import Figure
from benchmarks.workspaces import STARTER

STORIES = 200
BEGIN, STORY = "\ntests:\n", re.compile(r"(?m)^  - name: (.*)$")


def child(folder: str) -> None:
    """The command in this process; how many stories passed."""
    from app.cli import main

    sys.argv = ["nurture", "test", "--workspace", folder, "--json"]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    print(json.dumps({"passed": json.loads(said.getvalue())["passed"]}))


def measure() -> Iterator[Figure]:
    """Seconds of the whole command."""
    with tempfile.TemporaryDirectory(prefix="nurture-bench-") as place:
        folder = Path(place) / "workspace"
        shutil.copytree(STARTER, folder)
        _repeat(folder)
        began = time.perf_counter()
        said = children.ask("benchmarks.stories", folder, seconds=290)
        took = time.perf_counter() - began
    if said["passed"] != STORIES:
        raise children.Failed(f"{said['passed']} of {STORIES} stories passed", 1)
    yield Figure(f"nurture test of {STORIES} stories", took, "s", at_most=20)


def _repeat(folder: Path) -> None:
    """Tell the stories of the folder's sequences again, under other names, until they are enough.

    In a sequence's file the stories stand last.
    """
    files = [path for path in sorted(folder.glob("sequences/*.yaml")) if BEGIN in path.read_text()]
    own = {path: STORY.split(path.read_text().split(BEGIN)[1])[1:] for path in files}
    told = [(path, name, rest) for path in files
            for name, rest in zip(own[path][::2], own[path][1::2], strict=True)]  # fmt: skip
    for number, (path, name, rest) in zip(range(STORIES - len(told)), cycle(told)):
        with path.open("a") as file:
            file.write(f"  - name: {name} ({number})\n" + rest.strip("\n") + "\n")


if __name__ == "__main__":
    child(*sys.argv[1:])
