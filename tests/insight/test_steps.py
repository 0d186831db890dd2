"""Counts on a picture: told from rows, and adding up to what was played."""

from __future__ import annotations

from insight.steps import Counts, step_counts
from nurture.language.applied.loading import load_version
from nurture.language.compiled.graph import Graph, graph_of
from nurture.ledger.engine import Ledger
from tests.fixtures_ledger import counting
from tests.sequences.play import Play

FLOW = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}, again: always}
exit: [{when: {lifecycle: customer}, reason: a customer}]
goal: {event: demo_booked}
stages:
  - stage: first
    steps:
      - send: welcome
      - wait: 2 days
      - wait_for: {event: poked}
        within: 1 day
        then: [{score: 12}]
        otherwise: [{update: {add_tags: quiet}}]
  - stage: second
    gate: {when: {score: {at_least: 20}}, within: 2 days, otherwise: [{start: slow}]}
    steps:
      - branch:
          - {when: {employees: {at_least: 500}}, steps: [{send: offer}, {end: offered}]}
          - {when: {country: DE}, steps: []}
      - wait: 1 week
"""
SLOW = """
sequence: slow
topic: tips
enter: {segment: {tags: nobody}}
stages: [{stage: only, steps: [{wait: 30 days}]}]
"""


def count(play: Play, name: str = "flow", version: int | None = None) -> tuple[Graph, Counts]:
    with play.ledger.begin() as session:
        program, _ = load_version(session, name, version)
        graph = graph_of(program)
        return graph, step_counts(session, program, graph, now=play.now)


Told = dict[str, tuple[int, int | None]]


def told(play: Play, name: str = "flow", version: int | None = None) -> Told:
    """By what a node says: who stands there, who passed it."""
    graph, counts = count(play, name, version)
    standing = sum(count.here for count in counts.nodes.values())
    over = [
        counts.nodes[node.id].passed or 0
        for node in (*graph.nodes, *graph.leaving)
        if node.kind in ("end", "start", "goal", "exit")
    ]
    assert counts.nodes["enter"].passed == standing + sum(over), "nobody is lost"
    return {
        node.text: (counts.nodes[node.id].here, counts.nodes[node.id].passed)
        for node in (*graph.nodes, *graph.leaving)
    }


def enter(play: Play, *names: str, **values: object) -> None:
    for name in names:
        play.lead(name, **values)
        play.event(name, "form_submitted")


def test_leads_are_counted_where_they_stand_and_where_they_passed(play: Play) -> None:
    play.apply(SLOW, FLOW)
    enter(play, "ann", "ben", "cem", "dee", "eve")
    play.tick("03-02 09:00")  # the mails go out, and all wait two days
    at_the_wait = told(play)
    assert at_the_wait["Enters on form_submitted"] == (0, 5)
    assert at_the_wait["Send welcome"] == (0, 5)
    assert at_the_wait["Wait 2 days"] == (5, None)
    play.event("ann", "demo_booked", "03-03 09:00")
    play.change("ben", "lifecycle", "customer")
    play.tick("03-03 09:00")
    play.tick("03-04 09:00")  # the wait is over; ann and ben have left during it
    assert told(play)["Wait 2 days"] == (0, None)
    assert told(play)["Wait for poked"] == (3, 0)
    assert told(play)["Goal: demo_booked"] == (0, 1)
    assert told(play)["Exit: a customer"] == (0, 1)
    play.event("cem", "poked", "03-04 12:00")
    play.tick("03-04 12:00")
    play.tick("03-05 09:00")
    graph, counts = count(play)
    said = {node.id: node.text for node in graph.nodes}
    ways = {(said[one], said[other]): leads for (one, other), leads in counts.edges.items()}
    assert ways["Wait for poked", "Score +12"] == 1
    assert ways["Wait for poked", "Update the lead"] == 2
    assert ways["Gate: score at least 20", "Branch"] == 1
    assert ways["Gate: score at least 20", "Go on in slow"] == 0
    assert told(play)["Score +12"] == (0, 1)
    assert told(play)["Update the lead"] == (0, None)
    assert told(play)["Gate: score at least 20"] == (2, 1)
    assert counts.stages == {"first": 5, "second": 3}
    play.tick("03-07 09:00")
    assert told(play)["Gate: score at least 20"] == (0, 3)
    assert told(play)["Go on in slow"] == (0, 2)
    assert told(play)["Wait 1 week"] == (1, None)
    assert told(play, "slow")["Wait 30 days"] == (2, None)
    assert told(play, "slow")["Enters while tagged nobody"] == (0, 2)


def test_a_mail_under_way_holds_its_lead_at_the_send(play: Play) -> None:
    window = "timing: {zone: lead, window: {calendar: office}}"
    play.apply(SLOW, FLOW.replace("topic: tips\n", f"topic: tips\n{window}\n", 1))
    enter(play, "ann", "ben")
    play.tick("03-02 18:00")  # the office is shut
    assert told(play)["Send welcome"] == (2, 0)
    play.opt_out("ben")
    play.tick("03-03 09:00")
    graph, counts = count(play)
    send = next(node for node in graph.nodes if node.text == "Send welcome")
    assert (counts.nodes[send.id].here, counts.nodes[send.id].passed) == (0, 2)
    assert counts.nodes[send.id].sent == 1


def test_ends_are_counted_and_the_ways_of_a_branch(play: Play) -> None:
    play.apply(SLOW, FLOW)
    enter(play, "ann", attributes={"employees": 800})
    enter(play, "ben", country="DE")
    enter(play, "cem", country="FR")
    play.tick("03-02 09:00")
    play.tick("03-04 09:00")
    for name in ("ann", "ben", "cem"):
        play.event(name, "poked", "03-04 10:00")
    play.tick("03-04 10:00")
    told_now = told(play)
    assert told_now["Branch"] == (0, 3)
    assert told_now["End: offered"] == (0, 1)
    assert told_now["Wait 1 week"] == (2, None)
    graph, counts = count(play)
    branch = next(node for node in graph.nodes if node.kind == "branch")
    assert {
        edge.label: counts.edges[edge.source, edge.target]
        for edge in graph.edges if edge.source == branch.id
    } == {"employees at least 500": 1, "country is DE or otherwise": 2}  # fmt: skip
    play.tick("03-11 10:00")
    assert told(play)["End: came to the end of the sequence"] == (0, 2)


def test_each_version_has_its_own_counts(play: Play) -> None:
    play.apply(SLOW, FLOW)
    enter(play, "ann", "ben")
    play.tick("03-02 09:00")
    play.apply(FLOW.replace("wait: 2 days", "wait: 3 days"))
    enter(play, "cem")
    play.tick("03-02 10:00")
    assert told(play)["Wait 3 days"] == (1, None)
    assert count(play)[1].elsewhere == 2
    assert told(play, version=1)["Wait 2 days"] == (2, None)
    assert count(play, version=1)[1].elsewhere == 1


def test_counting_asks_the_same_few_questions_whoever_there_is(play: Play, ledger: Ledger) -> None:
    play.apply(SLOW, FLOW)
    enter(play, "ann")
    play.tick("03-02 09:00")

    def asked() -> int:
        with ledger.begin() as session:
            program, _ = load_version(session, "flow", None)
            graph = graph_of(program)
            with counting(ledger) as statements:
                step_counts(session, program, graph, now=play.now)
            return len(statements)

    one = asked()
    enter(play, *(f"lead{number}" for number in range(12)))
    play.tick("03-02 10:00")
    assert asked() == one == 8
