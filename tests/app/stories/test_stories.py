"""Stories as they are played: every deed, every expectation, one story apart from the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.stories import running
from app.stories.rehearsal import Rehearsal
from app.stories.running import play_all
from app.stories.telling import told, wrongs
from nurture.language.text.problems import DefinitionInvalid
from tests.app.stories.conftest import played, write

FORM = '- "2026-03-02 10:00": {event: form_submitted}\n'
TIPS = '- "2026-03-03 11:00": {event: email_clicked, with: {email: tips}}\n'
TOLD = '- "2026-03-03 11:00": {expect: {handoff: smb, rep: bo, sales: offered}}\n'


AS_TOLD = {
    "sent, in order, since the last look": FORM
    + '- "2026-03-02 10:00": {expect: {sent: welcome}}\n'
    + '- "2026-03-02 10:30": {expect: {stage: first}}\n'
    + '- "2026-03-03 10:00": {expect: {sent: {tips: "2026-03-03 10:00"}}}\n'
    + '- "2026-03-03 10:00": {expect: {sent: []}}\n',
    "sent altogether": FORM + '- "2026-03-04 10:00": {expect: {sent: [welcome, tips]}}\n',
    "nothing before the window opens": '- "2026-03-01 10:00": {event: form_submitted}\n'
    '- "2026-03-02 08:59": {expect: {sent: [], waits_until: "2026-03-02 09:00"}}\n'
    '- "2026-03-02 09:00": {expect: {sent: {welcome: "2026-03-02 09:00"}}}\n',
    "where it stands": FORM
    + '- "2026-03-02 10:00":\n'
    + "    expect: {stage: first, state: active, tags: seen, sequences: flow, reason: none,\n"
    + '             waits_until: "2026-03-03 10:00", lifecycle: lead, handoff: none, due: none}\n',
    "nowhere yet": '- "2026-03-02 10:00": {expect: {stage: none, state: none, sequences: [],\n'
    "    rep: none, sales: none, waits_until: none, score: 0, tags: []}}\n",
    "the goal": FORM
    + '- "2026-03-02 11:00": {event: demo_booked}\n'
    + '- "2026-03-02 11:00": {expect: {state: goal, stage: none}}\n',
    "an exit and its reason": FORM
    + '- "2026-03-02 11:00": {update: {lifecycle: customer}}\n'
    + '- "2026-03-02 11:00": {expect: {state: exited, reason: bought, lifecycle: customer}}\n',
    "asked in": '- "2026-03-02 10:00": {enter: true}\n'
    '- "2026-03-02 10:00": {expect: {sent: welcome, state: active}}\n',
    "fields, tags and points": '- "2026-03-02 10:00": {event: poked, times: 2}\n'
    '- "2026-03-02 10:00": {expect: {score: 20}}\n'
    '- "2026-03-02 10:00": {update: {fields: {employees: 800}, add_tags: [a, b]}}\n'
    '- "2026-03-02 10:00": {update: {remove_tags: b}}\n'
    '- "2026-03-02 10:00": {expect: {score: 40, tags: a}}\n'
    '- "2026-03-05 10:00": {expect: {score: 36.2}}\n',
    "moved on to another sequence": FORM
    + '- "2026-03-05 10:00": {expect: {state: moved, sequences: other}}\n'
    + '- "2026-03-06 10:00": {expect: {sent: [welcome, tips, news]}}\n',
    "an opt-out told by another system": FORM
    + '- "2026-03-02 11:00": {event: unsubscribed}\n'
    + '- "2026-03-04 10:00": {expect: {sent: welcome, not_sent: tips}}\n',
    "a topic given up and taken again": '- "2026-03-02 09:00": {update: {unsubscribe: tips}}\n'
    + FORM
    + '- "2026-03-02 10:00": {expect: {not_sent: {welcome: not subscribed to the topic}}}\n'
    + '- "2026-03-02 11:00": {update: {subscribe: tips}}\n'
    + '- "2026-03-04 10:00": {expect: {sent: tips, not_sent: []}}\n',
    "sales accepts": FORM + TIPS + TOLD + '- "2026-03-03 12:00": {sales: accept}\n'
    '- "2026-03-03 12:00": {expect: {sales: accepted, due: "2026-03-04 11:00"}}\n',
    "sales is in touch, and wins": FORM + TIPS + TOLD
    + '- "2026-03-03 12:00": {sales: touch, how: called, by: bo}\n'
    + '- "2026-03-03 12:00": {expect: {sales: working, due: none, lifecycle: sal}}\n'
    + '- "2026-03-05 12:00": {sales: won}\n'
    + '- "2026-03-05 12:00": {expect: {sales: won, lifecycle: customer}}\n',
    "sales gives, loses": FORM + TIPS + TOLD + '- "2026-03-03 12:00": {sales: give, to: cy}\n'
    '- "2026-03-03 12:00": {expect: {rep: cy, sales: offered}}\n'
    '- "2026-03-03 13:00": {sales: lost, reason: no budget}\n'
    '- "2026-03-03 13:00": {expect: {sales: lost, lifecycle: recycled}}\n',
    "sales puts off, waits, goes on": FORM + TIPS + TOLD
    + '- "2026-03-03 12:00": {sales: snooze, for: 2 hours}\n'
    + '- "2026-03-03 13:00": {expect: {due: none}}\n'
    + '- "2026-03-03 14:30": {expect: {due: "2026-03-03 17:00"}}\n'
    + '- "2026-03-03 15:00": {sales: pause, until: "2026-03-06 10:00", reason: on leave}\n'
    + '- "2026-03-04 10:00": {expect: {due: none}}\n'
    + '- "2026-03-04 11:00": {sales: resume}\n'
    + '- "2026-03-04 11:00": {expect: {sales: offered}}\n',
    "sales rejects": FORM + TIPS + TOLD
    + '- "2026-03-03 12:00": {sales: reject, reason: no budget}\n'
    + '- "2026-03-03 12:00": {expect: {sales: rejected}}\n',
    "sales recycles": FORM + TIPS + TOLD + '- "2026-03-03 12:00": {sales: accept}\n'
    '- "2026-03-03 12:01": {sales: recycle, reason: not now}\n'
    '- "2026-03-03 12:01": {expect: {sales: recycled}}\n',
    "a ladder is climbed": FORM + TIPS + TOLD
    + '- "2026-03-03 14:00": {expect: {rungs: {remind: "2026-03-03 13:00"}}}\n'
    + '- "2026-03-03 15:00": {expect: {rungs: [remind, tell]}}\n',  # of the other clock
    "a deed at the instant a deadline ends is in time": FORM + TIPS + TOLD
    + '- "2026-03-03 15:00": {sales: accept}\n'
    + '- "2026-03-03 15:00": {expect: {rungs: [remind, remind], sales: accepted}}\n',
}  # fmt: skip


@pytest.mark.parametrize("story", AS_TOLD.values(), ids=AS_TOLD.keys())
def test_what_is_told_rightly_passes(rehearsal: Rehearsal, workspace: Path, story: str) -> None:
    result = played(rehearsal, workspace, story)
    assert result.played.passed, "\n".join(told(result))


WRONG = {
    "sent: [welcome, news]": "got [welcome, tips]",
    'sent: {welcome: "2026-03-02 09:00"}':
        'expected sent: [{welcome: "2026-03-02 09:00"}], '
        'got [{welcome: "2026-03-02 10:00"}, {tips: "2026-03-03 10:00"}]',
    "not_sent: news": "expected not_sent: [news], got []",
    "stage: first": "expected stage: first, got second",
    "state: goal": "expected state: goal, got active",
    "reason: bought": "expected reason: bought, got none",
    'waits_until: "2026-03-05 10:01"':
        'expected waits_until: "2026-03-05 10:01", got "2026-03-05 10:00"',
    "sequences: [other]": "expected sequences: [other], got [flow]",
    "score: 1": "expected score: 1, got 0",
    "lifecycle: mql": "expected lifecycle: mql, got lead",
    "tags: [b, a]": "expected tags: [a, b], got [seen]",
    "handoff: smb": "expected handoff: smb, got none",
    "rep: bo": "expected rep: bo, got none",
    "sales: offered": "expected sales: offered, got none",
    'due: "2026-03-05 10:00"': 'expected due: "2026-03-05 10:00", got none',
    "rungs: tell": "expected rungs: [tell], got []",
}  # fmt: skip


@pytest.mark.parametrize(("expect", "said"), WRONG.items())
def test_what_is_told_wrongly_fails_with_both_sides_and_its_place(
    rehearsal: Rehearsal, workspace: Path, expect: str, said: str
) -> None:
    story = f'{FORM}- "2026-03-03 12:00": {{expect: {{{expect}}}}}\n'
    ((what, where),) = wrongs(played(rehearsal, workspace, story))
    assert what.endswith(said)
    assert where == "sequences/flow.yaml:23:39"


def test_the_first_thing_that_is_wrong_comes_first_and_with_what_was_known_then(
    rehearsal: Rehearsal, workspace: Path
) -> None:
    story = FORM + (
        '- "2026-03-02 10:00": {expect: {score: 3, stage: second}}\n'
        '- "2026-03-03 12:00": {expect: {sent: welcome}}\n'
    )
    result = played(rehearsal, workspace, story)
    assert [what for what, _ in wrongs(result)] == [
        "expected stage: second, got first",
        "expected score: 3, got 0",
        "expected sent: [welcome], got [welcome, tips]",
    ]
    known = "\n".join(line.text for line in result.played.lines)
    assert "welcome" in known
    assert "tips" not in known


def test_a_deed_that_cannot_be_done_ends_the_story(rehearsal: Rehearsal, workspace: Path) -> None:
    story = FORM + (
        '- "2026-03-02 11:00": {sales: accept}\n- "2026-03-02 12:00": {expect: {stage: second}}\n'
    )
    result = played(rehearsal, workspace, story)
    assert wrongs(result) == [
        ("2026-03-02 11:00 sales: the lead was not offered to sales yet",
         "sequences/flow.yaml:23:30")
    ]  # fmt: skip
    assert not result.played.failed


@pytest.mark.parametrize(
    ("lead", "with_", "said"),
    [
        ("{first_name: " + "a" * 201 + "}", "{}",
         "lead: first_name is 201 characters long, 200 is the most"),
        ("{}", "{form: " + "a" * 20_000 + "}",
         "2026-03-02 10:00 event: properties are 20012 bytes long as JSON, 16384 is the most"),
    ],
)  # fmt: skip
def test_what_the_ledger_would_not_take_is_said(
    rehearsal: Rehearsal, workspace: Path, lead: str, with_: str, said: str
) -> None:
    story = f'- "2026-03-02 10:00": {{event: form_submitted, with: {with_}}}\n'
    assert played(rehearsal, workspace, story, lead).played.trouble == said


def test_a_pass_that_fails_is_said_and_not_called_a_difference(
    rehearsal: Rehearsal, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("this cannot be")

    monkeypatch.setattr("flows.work.rescore", broken)
    result = played(rehearsal, workspace, FORM + '- "2026-03-02 10:00": {expect: {score: 0}}\n')
    assert "a pass failed: rescore: ValueError: this cannot be" in result.played.trouble


def test_instants_are_the_leads_own_and_the_clock_that_skips_an_hour_is_heeded(
    rehearsal: Rehearsal, workspace: Path
) -> None:
    story = (
        '- "2026-03-08 02:30": {event: form_submitted}\n'
        '- "2026-03-08 03:00": {expect: {sent: [], waits_until: "2026-03-09 09:00"}}\n'
        '- "2026-03-09 09:00": {expect: {sent: {welcome: "2026-03-09 09:00"}}}\n'
    )
    result = played(rehearsal, workspace, story, "{timezone: America/New_York}")
    assert result.played.passed, "\n".join(told(result))


def test_a_lead_without_an_address_is_known_by_its_number(
    rehearsal: Rehearsal, workspace: Path
) -> None:
    story = FORM + '- "2026-03-04 10:00": {expect: {sent: [], score: 20, tags: [old, seen]}}\n'
    lead = "{external_id: X-1, employees: 700, tags: old}"
    result = played(rehearsal, workspace, story, lead)
    assert result.played.passed, "\n".join(told(result))


def test_no_story_sees_what_another_left_behind(workspace: Path) -> None:
    story = FORM + TIPS + TOLD
    chosen = write(workspace, *[story] * 3)
    results = list(play_all(workspace, chosen, processes=1))
    assert [each.played.passed for each in results] == [True] * 3, "bo is first each time"


def test_managers_digests_are_no_part_of_a_lead_s_story(workspace: Path) -> None:
    """Of a month in which nothing happens no morning is played."""
    chosen = write(workspace, FORM + '- "2026-04-02 10:00": {expect: {sales: lapsed}}\n')
    rules = workspace / "handoff.yaml"
    bare = rules.read_text(encoding="utf-8")
    ticks = []
    for team in ("    manager:", '    digest: "08:00"\n    manager:'):
        rules.write_text(bare.replace("    manager:", team, 1), encoding="utf-8")
        (result,) = play_all(workspace, chosen, processes=1)
        ticks.append(result.played.ticks)
    rules.write_text(bare, encoding="utf-8")
    assert ticks[0] == ticks[1] > 0


def test_side_by_side_the_same_comes_out_in_the_same_order(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "A_PROCESS_MORE", 2)
    right, wrong = FORM + TIPS + TOLD, FORM + '- "2026-03-02 10:00": {expect: {score: 7}}\n'
    chosen = write(workspace, right, wrong, right, wrong)
    apart = list(play_all(workspace, chosen, processes=1))
    beside = list(play_all(workspace, chosen, processes=2))
    assert [each.played for each in beside] == [each.played for each in apart]
    assert [each.played.passed for each in beside] == [True, False, True, False]


def test_nothing_is_played_of_files_with_errors(workspace: Path) -> None:
    with pytest.raises(DefinitionInvalid, match='unknown stage "frist"'):
        write(workspace, '- "2026-03-02 10:00": {expect: {stage: frist}}\n')
