"""What a mail's source reads from outside, and where."""

from __future__ import annotations

import pytest

from nurture.language.text.templates import read_variables


def test_variables_are_found_with_their_lines() -> None:
    source = (
        "Hi {{ lead.first_name|default(brand.word) }}\n"
        "{% for t in lead.tags if t != other %}{{ t.name }}{{ loop.index }}{% endfor %}\n"
        "{% set mine = lead['age'] %}{{ mine }} {{ t }}\n"
        "{% macro m(a, b=given) %}{{ a }}{{ b }}{{ free }}{% endmacro %}{{ m(x.y.z) }}\n"
        "{% with w = inner %}{{ w }}{% endwith %}{% block k %}{{ blocked }}{% endblock %}\n"
        "{{ lead[key] }}{% from 'p' import q as r %}{{ r(1) }}"
        "{% if lead.ok is defined %}{% endif %}"
    )
    found, fault = read_variables(source)
    assert fault is None
    assert [(each.name, each.line) for each in found] == [
        ("lead.first_name", 1), ("brand.word", 1), ("lead.tags", 2), ("other", 2),
        ("lead.age", 3), ("given", 4), ("free", 4), ("x.y.z", 4), ("inner", 5),
        ("blocked", 5), ("lead", 6), ("key", 6), ("lead.ok", 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("\n{{ x", 2, "unexpected end of template"),
        ("{{ " + "(" * 5000 + " }}", 1, "nested too deeply"),
        ("{{ " + "not " * 30_000 + "x }}", 1, "nested too deeply"),
        ("{{ " + "9" * 5000 + " }}", 1, "too many digits"),
    ],
    ids=["open", "deep", "deep in its tree", "long"],
)
def test_a_source_that_cannot_be_read_is_a_fault_with_its_line(
    source: str, line: int, said: str
) -> None:
    found, fault = read_variables(source)
    assert fault is not None
    assert (found, fault.line, fault.column) == ((), line, 1)
    assert said in fault.message
