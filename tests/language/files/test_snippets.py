"""Steps by name and defaults: what a sequence is with them, and where its steps stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given

from nurture.language.applied.differences import differences, step_differences
from nurture.language.applied.loading import load_version
from nurture.language.compiled.compile import compile_sequence
from nurture.language.compiled.program import Goto, Program
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.one_file import read
from nurture.language.text.rewriting import flow
from nurture.ledger.engine import Ledger
from tests.language.applied.test_versions import TRIAL, applied, statuses
from tests.language.conftest import PLAIN, Edit
from tests.language.drawn_sequences import FEW, STAGED

DATA = (PLAIN / "nurture.yaml").read_bytes()
WORKSPACE: Any = read(Workspace, "nurture.yaml", DATA, LENIENT, name="nurture").model
HEAD = {"sequence": "drawn", "topic": "tips", "enter": {"when": {"event": "form_submitted"}}}


def compiled(content: dict[str, Any]) -> Program:
    reading = read(SequenceModel, "x.yaml", flow(content).encode(), LENIENT, name="x")
    assert reading.problems == ()
    assert reading.model is not None
    return compile_sequence(reading.model, WORKSPACE, definition_id=7, topics={})


def moved(path: str) -> str:
    """Where a step of a stage stands once the stage uses `s`, which uses `in-s`."""
    sequence, stage, *rest = path.split("/") if "/" in path else (path, "")
    if not rest or not rest[0].isdigit():
        return path
    return "/".join([sequence, stage, "1", f"of-{stage}", "1", f"in-{stage}", *rest])


@FEW
@given(STAGED)
def test_steps_in_snippets_are_the_very_same_steps(stages: list[Any]) -> None:
    """Only their paths lead through the uses."""
    names = [stage["stage"] for stage in stages]
    using = [stage | {"steps": [{"use": f"of-{stage['stage']}"}]} for stage in stages]
    snippets: dict[str, Any] = {f"of-{name}": [{"use": f"in-{name}"}] for name in names}
    snippets |= {f"in-{stage['stage']}": stage["steps"] for stage in stages}
    plain = compiled(HEAD | {"stages": stages})
    used = compiled(HEAD | {"stages": using, "snippets": snippets})
    assert [replace(step, path=moved(step.path)) for step in plain.steps] == list(used.steps)


def test_ids_goto_and_paths_of_a_snippet_used_again() -> None:
    ask = [{"id": "ask", "send": "a"}, {"wait": "2 days"}, {"goto": "ask"}, {"goto": "first"}]
    steps = [{"id": "first", "wait": "1 day"}, {"use": "nudge"}, {"use": "nudge"},
             {"use": "nudge", "id": "again"}, {"goto": "again"}]  # fmt: skip
    program = compiled(
        HEAD | {"stages": [{"stage": "s", "steps": steps}], "snippets": {"nudge": ask}}
    )
    at = {step.key: step for step in program.steps}
    assert [(key, at[key].path) for key in ("ask", "ask#2", "again/ask")] == [
        ("ask", "drawn/s/2/nudge/1"),
        ("ask#2", "drawn/s/3/nudge/1"),
        ("again/ask", "drawn/s/4/nudge/1"),
    ]
    gone = [step.target for step in program.steps if isinstance(step, Goto)]
    first, inside = at["first"].position, [at[k].position for k in ("ask", "ask#2", "again/ask")]
    assert gone == [inside[0], first, inside[1], first, inside[2], first, inside[2]]


SHARED = """snippets:
  pause: [{wait: 2 days}]
defaults:
  topic: product-tips
  with_sales: send
  timing: {late: {send_within: 48 hours}}
caps:
"""


def test_a_version_keeps_its_snippets_and_defaults(
    ledger: Ledger, workspace: Path, edit: Edit
) -> None:
    edit("nurture.yaml", "caps:\n", SHARED)
    edit(TRIAL, "topic: product-tips\n", "")
    edit(TRIAL, "  late: {send_within: 72 hours, otherwise: skip}\n", "")
    edit(TRIAL, "      - wait: 2 days\n", "      - use: pause\n")
    edit(TRIAL, "stages:\n", "with_sales: skip\nstages:\n")
    _, definitions = applied(ledger, workspace)
    program = definitions.active["trial-welcome"]
    assert not program.with_sales
    assert definitions.active["win-back"].with_sales
    assert program.late.send_within == timedelta(hours=48)
    assert program.window.hours is not None
    edit("nurture.yaml", "[{wait: 2 days}]", "[{wait: 3 days}]")
    edit("nurture.yaml", "48 hours", "24 hours")
    changed = {each for each, status in statuses(applied(ledger, workspace)[0]).items()
               if status == "changed"}  # fmt: skip
    assert changed == {"nurture", "trial-welcome"}
    with ledger.begin() as session:
        (old, one), (new, two) = (load_version(session, "trial-welcome", n) for n in (1, 2))
        found = [*differences("sequence", one.source, two.source), *step_differences(old, new)]
    assert [(each.sign, each.place, each.before, each.after) for each in found] == [
        ("~", "timing/late/send_within", "48 hours", "24 hours"),
        ("~", "trial-welcome/awareness/3/pause/1", "Wait 2 days", "Wait 3 days"),
    ]
