"""Whatever bytes stand in a file, checking it answers with problems and never with a traceback."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.language.checks.rules import RULES
from nurture.language.checks.validate import check
from nurture.language.compiled.compile import compile_sequence
from nurture.language.files.sequence import SequenceModel
from nurture.language.files.workspace import Workspace
from nurture.language.grammar.vocabulary import LENIENT
from nurture.language.reading.folder import SourceFile, load_workspace
from nurture.language.reading.one_file import read
from nurture.language.text.problems import Problem
from tests.language.conftest import PLAIN

FILES = [file for file in load_workspace(PLAIN) if not file.path.endswith(".txt")]
DEFINITIONS = [file for file in FILES if file.kind != "template"]
HEAD = next(file for file in FILES if file.kind == "workspace")
TOKENS = (
    b"", b":", b"- ", b"{", b"}", b"[", b"]", b"'", b'"', b"\n", b"  ", b"#", b"&a", b"*a", b"!x",
    b"null", b"true", b"9:00", b"1e999", b"-.inf", b"\xc3", b"\x00", b"<<: ", b"---\n", b"{{",
    b"{%", b"otherwise", b"when", b"steps", b"not", b"any", b"event", b"0",
    b"99999999999999999999",
)  # fmt: skip

many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def mutated(draw: st.DrawFn) -> SourceFile:
    """A starter file with a few pieces replaced by tokens, raw bytes, or pieces of itself."""
    file = draw(st.sampled_from(FILES))
    data = file.data
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 40))
        other = draw(st.integers(0, len(data)))
        piece = draw(
            st.sampled_from(TOKENS) | st.binary(max_size=8) | st.just(data[other : other + 60])
        )
        data = data[:start] + piece + data[end:]
    return SourceFile(file.kind, file.path, data)


def workspace_of(changed: SourceFile) -> list[SourceFile]:
    return [changed if file.path == changed.path else file for file in DEFINITIONS]


@many
@given(mutated())
def test_mutated_files_never_raise_and_every_problem_has_a_place(changed: SourceFile) -> None:
    files = workspace_of(changed)
    if changed.kind == "template":
        files = [*files, changed]
    for problem in check(files).problems:
        assert isinstance(problem, Problem)
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.rule in RULES
        assert str(problem).startswith(f"{problem.file}:{problem.line}:{problem.column}: ")


@many
@given(mutated().filter(lambda file: file.kind == "sequence"))
def test_what_passes_the_check_compiles(changed: SourceFile) -> None:
    problems = check([*workspace_of(changed), *(f for f in FILES if f.kind == "template")]).problems
    if any(problem.severity == "error" for problem in problems):
        return
    head = read(Workspace, HEAD.path, HEAD.data, LENIENT, name="nurture").model
    model = read(SequenceModel, changed.path, changed.data, LENIENT, name="x").model
    assert head is not None
    assert model is not None
    program = compile_sequence(model, head, definition_id=1, topics={})
    assert all(step.next is None or step.next > step.position for step in program.steps)


@many
@given(st.binary(max_size=300))
def test_random_bytes_never_raise(data: bytes) -> None:
    check([*DEFINITIONS[:3], SourceFile("sequence", "sequences/x.yaml", data)])
