"""The graph of a sequence: what is drawn is what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from nurture.language.compiled import program as p
from nurture.language.compiled.graph import Graph, graph_of
from nurture.language.files.workspace import Workspace
from tests.language.compiled.test_compile import HEADER, head, program
from tests.language.conftest import PLAIN
from tests.language.drawn_sequences import FEW, SEQUENCES, compiled

__all__ = ["head"]


def ways(graph: Graph) -> list[tuple[str, str, str]]:
    said = {node.id: node.text for node in graph.nodes}
    return [(said[edge.source], edge.label, said[edge.target]) for edge in graph.edges]


def one_stage(head: Workspace, steps: str) -> Graph:
    return graph_of(program(head, f"{HEADER}  - stage: one\n    steps: {steps}\n"))


def test_steps_are_said_in_words_and_their_ways_with_when_they_are_taken(head: Workspace) -> None:
    graph = one_stage(
        head,
        "[{wait_for: {event: email_clicked, where: {email: news}}, within: 3 days,"
        " then: [{score: {points: 5, reason: read it, half_life: 30 days}}],"
        " otherwise: [{send: {email: news, anytime: true, resend: true}}]},"
        " {branch: [{when: {country: DE}, steps: [{hand_off: smb}]},"
        " {otherwise: [{update: {fields: {plan: pro}, add_tags: [hot], lifecycle: mql}}]}]}]",
    )
    waits = "Wait for email_clicked with email is news"
    assert ways(graph) == [
        ("Enters while country is DE", "", waits),
        (waits, "within 3 days", "Score +5"),
        (waits, "otherwise", "Send news"),
        ("Score +5", "", "Branch"),
        ("Send news", "", "Branch"),
        ("Branch", "country is DE", "Hand off to smb"),
        ("Branch", "otherwise", "Update the lead"),
        ("Hand off to smb", "", "End: came to the end of the sequence"),
        ("Update the lead", "", "End: came to the end of the sequence"),
    ]
    details = {node.text: node.detail for node in graph.nodes}
    assert details["Score +5"] == "read it, halves every 30 days"
    assert details["Update the lead"] == "plan: pro, add tag hot, lifecycle mql"
    assert details["Send news"] == "at any time of day, anew each time"


def test_a_split_says_whom_it_sends_where(head: Workspace) -> None:
    arms = "arms: {a: {weight: 3, steps: [{send: news}]}, b: {}}"
    graph = one_stage(head, f"[{{split: {{name: proof, hold_out: 10, {arms}}}}}, {{score: 1}}]")
    assert ways(graph)[1:4] == [
        ("Split proof by chance", "a 67.5 %", "Send news"),
        ("Split proof by chance", "b 22.5 % or held out 10 %", "Score +1"),
        ("Send news", "", "Score +1"),
    ]
    assert graph.nodes[1].detail == "a 67.5 %, b 22.5 %, held out 10 %"
    reasons = ("proof: drawn for b (22.5 %)", "proof: held out (10 %)")
    assert graph.edges[2].reasons == reasons


def test_a_wait_for_several_events_has_a_way_for_each(head: Workspace) -> None:
    graph = one_stage(
        head,
        "[{wait_for: [{event: poked, then: [{score: 1}]}, {event: email_clicked,"
        " where: {email: news}}], within: 2 days, otherwise: [{end: silent}]}]",
    )
    end = "End: came to the end of the sequence"
    assert ways(graph)[1:4] == [
        ("Wait for the first", "poked", "Score +1"),
        ("Wait for the first", "email_clicked with email is news", end),
        ("Wait for the first", "otherwise", "End: silent"),
    ]
    assert graph.edges[3].reasons == (
        "not within 2 days: poked or email_clicked with email is news",
    )
    assert graph.nodes[1].detail == (
        "poked or email_clicked with email is news, within 2 days"
    )
    assert graph.nodes[2].path == "s/one/1/wait_for/1/then/1"


def test_waits_until_something_say_what(head: Workspace) -> None:
    graph = one_stage(
        head,
        '[{wait: {until: "09:00"}}, {wait: {until: friday}}, {wait: {until: monday, at: "08:30"}},'
        ' {wait: {until: renewal_on}}, {wait: {until: renewal_on, offset: -2 weeks, at: "09:00"}}]',
    )
    assert [node.text for node in graph.nodes[1:-1]] == [
        "Wait until 09:00",
        "Wait until friday",
        "Wait until monday 08:30",
        "Wait until renewal_on",
        "Wait until 2 weeks before renewal_on 09:00",
    ]
    assert {node.kind for node in graph.nodes[1:-1]} == {"wait"}


def test_an_entry_by_date_says_when(head: Workspace) -> None:
    text = HEADER.replace(
        "{segment: {country: DE}}", '{date: renewal_on, before: 30 days, segment: {country: DE}}'
    )
    graph = graph_of(program(head, text + "  - {stage: one, steps: [{send: news}]}"))
    assert (graph.nodes[0].text, graph.nodes[0].detail) == (
        "Enters on 30 days before renewal_on and country is DE",
        "once for each date",
    )


def test_a_goto_is_drawn_with_the_way_back(head: Workspace) -> None:
    again = "{goto: {step: ask, at_most: 3}}"
    graph = one_stage(head, f"[{{id: ask, send: news}}, {{wait: 1 day}}, {again}]")
    assert ways(graph)[3:] == [
        ("Go to ask", "go", "Send news"),
        ("Go to ask", "then", "End: came to the end of the sequence"),
    ]
    assert graph.nodes[3].detail == "at most 3 times"
    assert [reason for edge in graph.edges[3:] for reason in edge.reasons] == [
        "went to ask",
        "went to ask 3 times already",
    ]


def test_ways_to_the_same_place_are_one(head: Workspace) -> None:
    graph = one_stage(head, "[{wait_for: {event: poked}, within: 2 days}, {send: news}]")
    assert ways(graph)[1] == ("Wait for poked", "within 2 days or otherwise", "Send news")
    assert graph.edges[1].reasons == ("happened: poked", "not within 2 days: poked")


def test_stages_are_no_nodes_and_a_closed_gate_leads_to_the_end(head: Workspace) -> None:
    graph = graph_of(
        program(
            head,
            HEADER
            + "  - {stage: one, steps: [{send: news}]}\n"
            + "  - {stage: two, gate: {when: {score: 5}, within: 2 days}, steps: [{send: other}]}",
        )
    )
    assert [stage.name for stage in graph.stages] == ["one", "two"]
    assert [node.stage for node in graph.nodes] == ["", "one", "two", "two", ""]
    assert ways(graph)[1:4] == [
        ("Send news", "", "Gate: score is 5"),
        ("Gate: score is 5", "holds within 2 days", "Send other"),
        ("Gate: score is 5", "otherwise", "End: came to the end of the sequence"),
    ]


def test_the_end_nobody_comes_to_is_left_out(head: Workspace) -> None:
    graph = one_stage(head, "[{send: news}, {end: enough}]")
    assert [node.text for node in graph.nodes][1:] == ["Send news", "End: enough"]


def test_goal_and_exits_stand_beside_the_steps(head: Workspace) -> None:
    leaving = "goal: {event: demo_booked}\nexit: [{when: {country: FR}, reason: gone}]\n"
    text = HEADER.replace("stages:", f"{leaving}stages:")
    graph = graph_of(program(head, text + "  - {stage: one, steps: [{send: news}]}"))
    said = [(node.id, node.text, node.detail, node.path) for node in graph.leaving]
    assert said == [
        ("goal", "Goal: demo_booked", "", "s/goal"),
        ("exit1", "Exit: gone", "country is FR", "s/exit/1"),
    ]


def test_the_usual_topic_is_not_said_at_every_mail(head: Workspace) -> None:
    graph = one_stage(
        head, "[{send: a}, {send: b}, {send: {email: c, topic: events}}, {send: news}]"
    )
    assert [node.detail for node in graph.nodes if node.kind == "send"] == [
        "", "", "about events", "about events",
    ]  # fmt: skip


def landings(whole: p.Program) -> dict[int, set[int]]:
    """Where a lead may come to from each step that is drawn, told by the program alone."""

    def behind(target: int | None) -> int:
        position = len(whole.steps) - 1 if target is None else target
        step = whole.steps[position]
        return behind(step.next) if isinstance(step, p.EnterStage) else position

    found: dict[int, set[int]] = {}
    for step in whole.steps:
        targets: list[int | None] = [step.next]
        if isinstance(step, p.Gate):
            targets.append(step.otherwise)
        if isinstance(step, p.WaitFor):
            targets = [*(target for _, target in step.ways), step.otherwise]
        if isinstance(step, p.Branch):
            targets = [*(target for _, target in step.arms), step.otherwise]
        if isinstance(step, p.Split):
            targets = [target for *_, target in step.arms] + [step.next] * bool(step.hold_out)
        if isinstance(step, p.Goto):
            targets.append(step.target)
        ends = isinstance(step, p.End | p.Start)
        found[step.position] = set() if ends else {behind(target) for target in targets}
    return found


@pytest.mark.parametrize("name", ["trial-welcome", "long-nurture", "win-back"])
def test_the_plain_sequences_are_drawn_as_they_run(head: Workspace, name: str) -> None:
    text = Path(PLAIN / "sequences" / f"{name}.yaml").read_text(encoding="utf-8")
    drawn_as_it_runs(program(head, text))


@FEW
@given(content=SEQUENCES)
def test_any_sequence_is_drawn_as_it_runs(head: Workspace, content: dict[str, Any]) -> None:
    drawn_as_it_runs(compiled(content, head))


def drawn_as_it_runs(whole: p.Program) -> None:
    graph = graph_of(whole)
    places = {node.id: node.position for node in graph.nodes}
    assert len(places) == len(graph.nodes)
    runs = landings(whole)
    for node in graph.nodes[1:]:
        assert node.position is not None
        drawn = [places[edge.target] for edge in graph.edges if edge.source == node.id]
        assert sorted(drawn, key=str) == sorted(runs[node.position], key=str)
    left_out = {step.position for step in whole.steps} - set(places.values())
    for position in left_out:
        step = whole.steps[position]
        assert isinstance(step, p.EnterStage) or position == len(whole.steps) - 1
