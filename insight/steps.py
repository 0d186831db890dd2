"""How many leads stand at each step of one version of a sequence, and how many passed it.

Told from rows alone.  A stage, gate, wait for an event, branch, hand-over, start and end leave a
decision, a send its message, a score its entry, a webhook its call, a notify its
notice.  A wait and an update leave
none, and what follows them does not say it either (leads leave a sequence while they wait): how
many passed is not known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session

from nurture.language.compiled.graph import Graph, landing
from nurture.language.compiled.program import Program
from nurture.ledger import tables as t
from nurture.ledger.statements.upsert import table_of
from nurture.sequences.moving import seen_at

E = table_of(t.Enrolment).c
DECISION = table_of(t.Decision).c
M = table_of(t.Message).c
SCORE = table_of(t.ScoreEntry).c
CALL = table_of(t.WebhookCall).c

TRACELESS = ("wait", "update")
ON_THE_WAY = ("due", "deferred", "claimed", "handed")


@dataclass(frozen=True)
class Count:
    """Of one node: leads standing there now, and those that passed (None: nothing tells).

    Of a send those passed whose mail is over: `sent` of them, the others with a reason not to.
    """

    here: int = 0
    passed: int | None = None
    sent: int | None = None


@dataclass(frozen=True)
class Counts:
    """Of one version: `nodes` by id, `edges` by source and target, `stages` by name (reached).

    An edge's number is missing where the reasons in the ledger do not tell its ways apart.
    `elsewhere` counts active enrolments on other versions.
    """

    nodes: Mapping[str, Count]
    edges: Mapping[tuple[str, str], int] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    elsewhere: int = 0


def step_counts(session: Session, program: Program, graph: Graph, *, now: datetime) -> Counts:
    """Count the enrolments of a program's version on its graph; eight queries."""
    by_state = _by_state(session, program)
    decided, reached = _decided(session, program)
    passed: dict[str, int | None] = {
        node.id: None if node.kind in TRACELESS else _total(decided, node.path, node.kind)
        for node in graph.nodes
    }
    passed["enter"] = sum(by_state.values())
    over = _mails(session, program)
    notice = (M.kind == "notice", M.state.in_(("sent", "rejected", "expired", "render_failed")))
    others = {
        "score": _of_steps(session, program, SCORE),
        "webhook": _of_steps(session, program, CALL, CALL.state.in_(("done", "failed"))),
        "notify": _of_steps(session, program, M, *notice),
    }
    for node in graph.nodes:
        if node.kind == "send":
            passed[node.id] = sum(over[node.key].values())
        elif node.kind in others:
            passed[node.id] = others[node.kind][node.key]
    here = _standing(session, program, _waits_before(graph), now=now)
    nodes = {
        node.id: Count(
            0 if node.position is None else here[node.position],
            passed[node.id],
            over[node.key]["sent"] if node.kind == "send" else None,
        )
        for node in graph.nodes
    }
    for node in graph.leaving:
        left = by_state["exited", node.path]
        goal = node.kind == "goal"  # of those who ended, some reach it later
        nodes[node.id] = Count(passed=_total(decided, node.path, "goal") if goal else left)
    return Counts(
        nodes=nodes,
        edges=_ways(graph, decided, passed),
        stages={each.name: reached[each.path] for each in graph.stages},
        elsewhere=_elsewhere(session, program),
    )


Decided = Mapping[tuple[str, str, str], int]
DECISIONS = {"wait_for": "event"}
"""What a node's decisions are called, where not like its kind."""


def _total(decided: Decided, path: str, kind: str) -> int:
    wanted = (path, DECISIONS.get(kind, kind))
    return sum(count for (*place, _), count in decided.items() if tuple(place) == wanted)


def _ways(
    graph: Graph, decided: Decided, passed: Mapping[str, int | None]
) -> dict[tuple[str, str], int]:
    kinds = {node.id: (node.path, DECISIONS.get(node.kind, node.kind)) for node in graph.nodes}
    found: dict[tuple[str, str], int] = {}
    told: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for edge in graph.edges:
        reasons = [each for each in edge.reasons if (edge.source, each) not in seen]
        seen |= {(edge.source, each) for each in reasons}
        if edge.reasons:
            count = sum(decided.get((*kinds[edge.source], each), 0) for each in reasons)
            found[edge.source, edge.target] = count
            told[edge.source] += count
    return {way: count for way, count in found.items() if told[way[0]] == passed[way[0]]}


def _of(program: Program) -> Any:
    return E.definition_id == program.definition_id


def _by_state(session: Session, program: Program) -> Counter[tuple[str, str]]:
    """Enrolments by state and by what acted on them last: the rule that ended them, if one did."""
    rows = session.execute(
        select(E.state, E.path, func.count()).where(_of(program)).group_by(E.state, E.path)
    )
    return Counter({(state, path): count for state, path, count in rows})


def _decided(session: Session, program: Program) -> tuple[Decided, Counter[str]]:
    """How often what was decided, by path, kind and reason; by how many a stage was reached."""
    number = DECISION.enrolment_id
    rows = session.execute(
        select(
            DECISION.path,
            DECISION.kind,
            DECISION.reason,
            func.count(),
            func.count(number.distinct()),
        )
        .join(table_of(t.Enrolment), E.id == DECISION.enrolment_id)
        .where(_of(program))
        .group_by(DECISION.path, DECISION.kind, DECISION.reason)
    )
    decided, reached = {}, Counter[str]()
    for path, kind, reason, count, leads in rows:
        decided[path, kind, reason] = count
        reached[path] += leads if kind == "stage" else 0
    return decided, reached


def _mails(session: Session, program: Program) -> defaultdict[str, Counter[str]]:
    """Mails that are over, by step and state.

    Not those called off because their lead left, nor those of unknown fate that still hold theirs.
    """
    holds = and_(M.state == "unknown", E.state == "active", E.due_at.is_(None), E.path == M.path)
    rows = session.execute(
        select(M.step, M.state, func.count())
        .join(table_of(t.Enrolment), E.id == M.enrolment_id)
        .where(
            _of(program), M.kind == "nurture", M.state.not_in((*ON_THE_WAY, "cancelled")), ~holds
        )
        .group_by(M.step, M.state)
    )
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for step, state, count in rows:
        found[step][state] += count
    return found


def _of_steps(
    session: Session, program: Program, row: Any, *only: ColumnElement[bool]
) -> Counter[str]:
    """How many rows of a table the steps made, by step."""
    rows = session.execute(
        select(row.step, func.count())
        .join(table_of(t.Enrolment), E.id == row.enrolment_id)
        .where(_of(program), *only)
        .group_by(row.step)
    )
    return Counter({found[0]: found[1] for found in rows})


def _waits_before(graph: Graph) -> dict[int, int]:
    """By position of a wait for an event: the wait all its leads come from, where there is one."""
    nodes = {node.id: node for node in graph.nodes}
    found: dict[int, int] = {}
    for node in graph.nodes:
        before = [nodes[edge.source] for edge in graph.edges if edge.target == node.id]
        if node.kind == "wait_for" and [each.kind for each in before] == ["wait"]:
            assert node.position is not None
            assert before[0].position is not None
            found[node.position] = before[0].position
    return found


def _standing(
    session: Session, program: Program, waits_before: Mapping[int, int], *, now: datetime
) -> Counter[int]:
    """Active enrolments by the position where people see them.

    Who waits, or whose mail is under way (`due_at` is None), has the position behind that step
    already; the path is that of the step which acted last.  A wait for an event that something new
    made look at a lead early counts from when the wait before it is over (`since_at`).
    """
    held, early = E.due_at.is_(None), E.since_at > now
    rows = session.execute(
        select(E.position, E.path, held, early, func.count())
        .where(_of(program), E.state == "active")
        .group_by(E.position, E.path, held, early)
    )
    found: Counter[int] = Counter()
    for position, path, mail_under_way, too_early, count in rows:
        if too_early:
            place = waits_before.get(position, landing(program, position))
        else:
            place = seen_at(program, position, path, held=mail_under_way)
        found[place] += count
    return found


def _elsewhere(session: Session, program: Program) -> int:
    others = select(func.count()).where(
        E.sequence == program.sequence, E.state == "active", ~_of(program)
    )
    return int(session.execute(others).scalar_one())
