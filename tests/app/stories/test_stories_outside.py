"""Stories of sequences that call other systems and tell sales: answers, calls and notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.stories import running
from app.stories.rehearsal import open_rehearsal
from app.stories.running import Case, Result, cases
from app.stories.telling import told, wrongs
from app.stories.updating import update
from nurture.language.text.problems import DefinitionInvalid
from tests.app.stories.conftest import made

FLOW = """
sequence: calling
topic: tips
enter: {when: {event: ordered}}
timing: {window: {days: mon-fri, hours: "09:00-17:00"}}
stages:
  - stage: first
    steps:
      - webhook: {name: crm, url: "https://crm.example.test/leads", retry: 1}
      - branch:
          - {when: {event: webhook_failed, where: {webhook: crm}}, steps: [{end: not known}]}
          - {when: {event: webhook_succeeded, where: {answer.tier: gold}}, steps: [{send: tips}]}
      - notify: {team: smb, to: reps}
      - send: welcome
tests:
  - name: it takes the lead, and two reps are told
    story:
      - "2026-03-02 10:00": {event: ordered}
      - "2026-03-02 10:00":
          expect:
            calls: crm
            notices: [{warm: cy@example.test}, {warm: bo@example.test}]
            sent: welcome
      - "2026-03-03 10:00": {expect: {calls: [], notices: []}}
  - name: it says something
    webhooks: {crm: {status: 202, answer: {tier: gold}}}
    story:
      - "2026-03-02 10:00": {event: ordered}
      - "2026-03-02 10:00": {expect: {calls: {crm: done}, sent: [tips, welcome]}}
  - name: it refuses
    webhooks: {crm: failed}
    story:
      - "2026-03-02 10:00": {event: ordered}
      - "2026-03-02 10:00": {expect: {calls: {crm: failed}, notices: [], state: completed}}
  - name: it is down
    webhooks: {crm: 0}
    story:
      - "2026-03-02 10:00": {event: ordered}
      # The second try comes a minute later, a quarter more or less.
      - "2026-03-02 10:00": {expect: {calls: [], state: active}}
      - "2026-03-02 10:02": {expect: {calls: [{crm: failed}], sent: [], reason: not known}}
  - name: outside the window nobody is called, and who leaves is not told of
    webhooks: {crm: done}
    story:
      - "2026-03-01 10:00": {event: ordered}
      - "2026-03-02 08:59": {expect: {calls: [], waits_until: "2026-03-02 09:00"}}
      - "2026-03-02 08:59": {event: unsubscribed}
      - "2026-03-02 09:00": {expect: {calls: {crm: done}, notices: [warm, warm]}}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return made(tmp_path / "workspace")


def write(workspace: Path, *pairs: tuple[str, str]) -> list[Case]:
    """The cases of the sequence with other words in it."""
    text = FLOW
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    (workspace / "sequences" / "calling.yaml").write_text(text, encoding="utf-8")
    return cases(workspace)


def play(workspace: Path, chosen: list[Case]) -> list[Result]:
    with open_rehearsal(workspace) as rehearsal:
        return [Result(case, *running._timed(rehearsal, case.sequence, case.story))
                for case in chosen]  # fmt: skip


def test_calls_and_notices_are_as_told(workspace: Path) -> None:
    for result in play(workspace, write(workspace)):
        assert result.played.passed, "\n".join(told(result))


CHANGED = {
    "calls: crm\n": (
        "calls: [crm, crm]\n", "expected calls: [crm, crm], got [crm]"
    ),
    "notices: [{warm: cy@example.test}, {warm: bo@example.test}]": (
        "notices: {warm: mia@example.test}",
        ("expected notices: [{warm: mia@example.test}], "
         "got [{warm: cy@example.test}, {warm: bo@example.test}]"),
    ),
    "calls: {crm: done}, sent: [tips": (
        "calls: {crm: failed}, sent: [tips",
        "expected calls: [{crm: failed}], got [{crm: done}]",
    ),
    "notices: [], state": ("notices: warm, state", "expected notices: [warm], got []"),
}  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said"), [(k, *v) for k, v in CHANGED.items()])
def test_what_is_told_wrongly_is_said_and_written_as_it_was(
    workspace: Path, right: str, wrong: str, said: str
) -> None:
    results = play(workspace, write(workspace, (right, wrong)))
    (failed,) = (each for each in results if not each.played.passed)
    ((what, _),) = wrongs(failed)
    assert what == said
    assert update(workspace, results) == [("sequences/calling.yaml", 1)]
    again = play(workspace, cases(workspace))
    assert [each.played.passed for each in again] == [True] * 5


def test_a_webhook_or_notice_there_is_not_is_named(workspace: Path) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        write(workspace, ("calls: crm\n", "calls: crn\n"), ("notices: [], s", "notices: cold, s"))
    assert [str(problem) for problem in caught.value.problems] == [
        ('sequences/calling.yaml:21:20: calling/tests/1/story/2/2026-03-02 10:00/expect:'
        ' unknown webhook "crn". Allowed: crm'),
        ('sequences/calling.yaml:34:70: calling/tests/3/story/2/2026-03-02 10:00/expect:'
        ' unknown notice "cold". Allowed: warm'),
    ]
