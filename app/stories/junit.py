"""What became of stories as JUnit XML, the form CI servers read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

from app.stories.running import Result
from app.stories.telling import told

_REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document holds, escaped or not."""


def junit(results: Sequence[Result]) -> bytes:
    """One suite a sequence, one case a story; an expectation not met is a failure, a deed that
    could not be done an error."""
    root = ET.Element("testsuites", {"name": "nurture test", **_counts(results)})
    for sequence, group in groupby(results, key=lambda each: each.case.sequence):
        of = list(group)
        suite = ET.SubElement(root, "testsuite", {"name": _fit(sequence), **_counts(of)})
        for result in of:
            _case(suite, result)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, result: Result) -> None:
    case, played = result.case, result.played
    said = {
        "classname": case.sequence, "name": case.story.name, "file": case.file,
        "line": str(case.line), "time": f"{result.seconds:.3f}",
    }  # fmt: skip
    entry = ET.SubElement(suite, "testcase", {key: _fit(text) for key, text in said.items()})
    if not played.passed:
        lines = told(result)
        wrong = "error" if played.trouble else "failure"
        kind = "deed" if played.trouble else "expectation"
        about = ET.SubElement(entry, wrong, {"message": _fit(lines[0]), "type": kind})
        about.text = _fit("\n".join(lines))


def _counts(results: Iterable[Result]) -> dict[str, str]:
    of = list(results)
    broken = sum(bool(each.played.trouble) for each in of)
    failed = sum(not each.played.passed for each in of) - broken
    seconds = sum(each.seconds for each in of)
    return {
        "tests": str(len(of)), "failures": str(failed), "errors": str(broken), "skipped": "0",
        "time": f"{seconds:.3f}",
    }  # fmt: skip


def _fit(text: str) -> str:
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)
