"""Random valid sequences: every kind of step, nested arms, gates with and without a way out."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from nurture.language.compiled.compile import compile_sequence
from nurture.language.compiled.program import Program
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT

FEW = settings(max_examples=30, deadline=None, phases=set(Phase) - {Phase.explain})
"""Explaining a failure traces every line: with nested sequences longer than a test may take."""
SPANS = st.sampled_from(["1 minute", "2 days", "4 business hours", "3 weeks"])
NAMES = st.sampled_from(["welcome", "a", "why-us_2", "x" * 64])
SAID = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    lambda text: text.strip()
)
"""What people write as reasons: quotes, brackets, other scripts, marks that turn the writing."""
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"score": st.fixed_dictionaries({"at_least": st.integers(0, 90)})}),
    st.fixed_dictionaries({"country": st.lists(SAID, min_size=1, max_size=4)}),
    st.just({"any": [{"tags": "hot"}, {"not": {"event": "demo_booked", "within": "3 days"}}]}),
)
EVENTS = st.one_of(
    st.just({"event": "email_clicked"}),
    st.builds(lambda said: {"event": "page_viewed", "where": {"url": {"contains": said}}}, SAID),
)
ENDS = st.one_of(
    st.builds(lambda name: {"start": name}, NAMES), st.builds(lambda said: {"end": said}, SAID)
)
PLAIN = st.one_of(
    st.builds(lambda name: {"send": name}, NAMES),
    st.builds(lambda name: {"send": {"email": name, "topic": "t", "anytime": True}}, NAMES),
    st.builds(lambda span: {"wait": span}, SPANS),
    st.builds(lambda points, why: {"score": {"points": points, "reason": why}},
              st.integers(-9, 99), SAID),
    st.builds(lambda said: {"update": {"fields": {"plan": said}, "add_tags": ["a", "b"]}}, SAID),
    st.builds(lambda name: {"stop": name}, NAMES),
    st.sampled_from([{"wait": {"until": "09:00"}}, {"wait": {"until": "monday", "at": "09:00"}},
                     {"wait": {"until": "renewal_on", "offset": "-30 days"}},
                     {"wait": {"until": "starts", "of": "event", "offset": "-2 hours"}}]),
    st.sampled_from([{"webhook": "https://crm.example.test/x?team=1"},
                     {"webhook": {"url": "http://localhost:9", "name": "crm", "retry": 0}},
                     {"notify": "smb"}, {"notify": {"team": "smb", "to": "owner"}}]),
    st.builds(lambda said: {"hand_off": {"team": "smb", "reason": said}}, SAID),
)  # fmt: skip


def _block(inner: Any, least: int = 0) -> Any:
    """Some steps, perhaps with one at the end that ends the enrolment."""
    end = st.one_of(st.just([]), ENDS.map(lambda step: [step]))
    steps = st.lists(inner, min_size=least, max_size=3)
    return st.builds(lambda some, last: some + last, steps, end)


def _with_arms(inner: Any) -> Any:
    block = _block(inner)
    waits = st.builds(
        lambda event, span, then, otherwise: {
            "wait_for": event, "within": span, "then": then, "otherwise": otherwise,
        },
        EVENTS, SPANS, block, block,
    )  # fmt: skip
    several = st.builds(
        lambda ways, span, otherwise: {
            "wait_for": [event | {"then": then} for event, then in ways], "within": span,
            "otherwise": otherwise,
        },
        st.lists(st.tuples(EVENTS, block), min_size=1, max_size=3), SPANS, block,
    )  # fmt: skip
    arm = st.builds(lambda when, steps: {"when": when, "steps": steps}, CONDITIONS, block)
    last = st.one_of(st.just([]), block.map(lambda steps: [{"otherwise": steps}]))
    branches = st.builds(
        lambda arms, otherwise: {"branch": arms + otherwise},
        st.lists(arm, min_size=1, max_size=4), last,
    )  # fmt: skip
    ways = st.builds(
        lambda weight, steps: {"weight": weight, "steps": steps}, st.integers(1, 70), block
    )
    splits = st.builds(
        lambda name, arms, aside: {"split": {"name": name, "arms": arms} | aside},
        NAMES, st.dictionaries(NAMES, ways, min_size=2),
        st.sampled_from([{}, {"hold_out": 12.5},
                         {"winner": {"by": "goal_rate", "after": "70 sends"}}]),
    )  # fmt: skip
    return st.one_of(inner, waits, several, branches, splits)


STEPS = st.recursive(PLAIN, _with_arms, max_leaves=12)
GATES = st.builds(
    lambda when, span, otherwise: {"when": when, "within": span, "otherwise": otherwise},
    CONDITIONS, SPANS, _block(STEPS),
)  # fmt: skip
STAGES = st.builds(
    lambda name, gate, steps: {"stage": name, "steps": steps} | ({"gate": gate} if gate else {}),
    st.from_regex(r"[a-z][a-z0-9_-]{0,40}", fullmatch=True), st.one_of(st.none(), GATES),
    _block(STEPS, 1),
)  # fmt: skip
STAGED = st.lists(STAGES, min_size=1, max_size=4, unique_by=lambda stage: stage["stage"])


def _sent_back(stages: list[Any]) -> list[Any]:
    """The stages with a last step that goes to the first."""
    stages[0]["steps"][0] |= {"id": "first"}
    stages[-1]["steps"].append({"goto": "first"})
    return stages


def _whole(stages: list[Any], about: str, goal: Any, exits: list[Any]) -> dict[str, Any]:
    return {
        "sequence": "drawn", "description": about, "topic": "tips",
        "enter": {"when": {"event": "form_submitted"}}, "goal": goal,
        "exit": [{"when": when, "reason": said} for when, said in exits], "stages": stages,
    }  # fmt: skip


SEQUENCES = st.builds(
    _whole,
    st.one_of(STAGED, STAGED.map(_sent_back)),
    SAID, CONDITIONS, st.lists(st.tuples(CONDITIONS, SAID), max_size=3),
)  # fmt: skip
"""Sequences as their files' parsed content."""


def compiled(content: dict[str, Any], workspace: Workspace) -> Program:
    """The program of a drawn sequence."""
    model = SequenceModel.model_validate(content, context=LENIENT)
    return compile_sequence(model, workspace, definition_id=7, topics={})
