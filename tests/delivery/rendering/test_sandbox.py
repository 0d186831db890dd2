"""Templates that mean well, and templates and fields that do not."""

from __future__ import annotations

import tracemalloc
from datetime import date
from typing import Any

import pytest

from nurture.delivery.rendering.sandbox import Sandbox
from nurture.ledger.errors import RenderFailed
from tests.delivery.hostile import INJECTIONS

PARTS = {
    "buttons": "{% macro button(url, says) %}<a href='{{ url }}'>{{ says }}</a>{% endmacro %}",
    "layout": "<html>{% block body %}nothing{% endblock %}</html>",
    "itself": "{% include 'itself' %}",
    "parent": "{% extends 'parent' %}",
    "broken": "\n{{ 1 / 0 }}",
}
LEAD: dict[str, Any] = {
    "first_name": "<Ann>",
    "company": None,
    "age": 33,
    "tags": ["a", "b"],
    "since": date(2026, 3, 2),
}
HTML = Sandbox(html=True, parts=PARTS)
TEXT = Sandbox(html=False, parts=PARTS)


def html(source: str, **more: Any) -> str:
    return HTML.compile(source, name="welcome").render({"lead": LEAD, **more})


def refusal(source: str, **more: Any) -> str:
    with pytest.raises(RenderFailed) as caught:
        html(source, **more)
    text = str(caught.value)
    assert len(text) < 300
    return text


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("Hi {{ lead.first_name }}", "Hi &lt;Ann&gt;"),
        ("{{ lead['first_name'] }} {{ lead.tags[1] }}", "&lt;Ann&gt; b"),
        ("[{{ lead.company }}]", "[]"),
        ("{{ lead.company|default('your company') }}", "your company"),
        ("{{ lead.nickname|d('you') }}", "you"),
        ("{% if lead.nickname is defined %}x{% else %}y{% endif %}", "y"),
        ("{% for t in lead.tags %}{{ loop.index }}{{ t }}{{ ',' if not loop.last }}{% endfor %}",
         "1a,2b"),
        ("{{ lead.age + 1 }} {{ lead.age / 2 }} {{ 10 % 3 }} {{ 2 ** 8 }}", "34 16.5 1 256"),
        ("{{ 'a' ~ lead.first_name ~ 1 }}", "a&lt;Ann&gt;1"),
        ("{{ '-' * 3 }}", "---"),
        ("{{ lead.since|date('%-d %B %Y') }}", "2 March 2026"),
        ("{{ lead.tags|join(', ')|upper }}", "A, B"),
        ("{{ 'x\n<'|nl2br }}", "x<br>\n&lt;"),
        ("{{ 'a b&c'|urlencode }}", "a%20b%26c"),
        ("{% from 'buttons' import button %}{{ button('u', lead.first_name) }}",
         "<a href='u'>&lt;Ann&gt;</a>"),
        ("{% extends 'layout' %}{% block body %}{{ super() }} new{% endblock %}",
         "<html>nothing new</html>"),
        (("{% set n = namespace(x=0) %}{% for i in range(4) %}{% set n.x = n.x + i %}{% endfor %}"
         "{{ n.x }}"), "6"),
        (("{% macro down(n) %}{{ n }}{% if n %}{{ down(n - 1) }}{% endif %}{% endmacro %}"
         "{{ down(3) }}"),
         "3210"),
    ],
)  # fmt: skip
def test_what_people_write_works(source: str, result: str) -> None:
    assert html(source) == result


def test_text_is_not_escaped() -> None:
    template = TEXT.compile("Hi {{ lead.first_name }} {{ lead.tags|join('&') }}", name="welcome")
    assert template.render({"lead": LEAD}) == "Hi <Ann> a&b"


@pytest.mark.parametrize("value", [*INJECTIONS, "{{ 7*7 }}", "{% for i in range(9) %}"], ids=ascii)
def test_a_field_is_printed_never_compiled(value: str) -> None:
    shown = html("{{ lead.first_name }}|{{ x }}", x=value)
    assert "49" not in shown
    assert "<script" not in shown
    assert "<svg" not in shown
    assert TEXT.compile("{{ x }}", name="t").render({"x": value}) == value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ lead.first_nam }}", "welcome, line 1: there is no “first_nam” here; did you mean"),
        ("\n\n{{ nobody }}", "welcome, line 3: there is no “nobody” here"),
        ("\n{{ 1 / 0 }}", "welcome, line 2: it divides by zero"),
        ("{{ 1 % 0 }}", "divides by zero"),
        ("{% include 'broken' %}", "broken, line 2: it divides by zero"),
        ("{% if %}", "line 1"),
        ("{{ lead", "line 1"),
        ("{{ lead }}", "a mapping cannot be printed"),
        ("{{ lead.age < 'a' }}", "different kinds"),
        ("{{ lead.first_name|uper }}", "did you mean “upper”"),
    ],
)
def test_a_failure_names_template_line_and_reason(source: str, reason: str) -> None:
    assert reason in refusal(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ ''|attr('format') }}",
        "{{ ''|attr('__class__') }}", "{{ lead.__init__.__globals__ }}", "{{ lead.items() }}",
        "{{ lead.first_name.format(1) }}", "{{ 'a'.upper() }}", "{% import os %}",
        "{% import 'os' as os %}", "{% include '/etc/passwd' %}", "{% include '../layout' %}",
        "{% include lead.first_name %}", "{% extends lead.first_name %}",
        "{% include ['layout', 'x'] %}", "{{ '%s'|format(lead) }}", "{{ '%s' % lead }}",
        "{{ env }}", "{{ config }}", "{{ environment }}", "{{ self }}", "{{ self.body() }}",
        "{{ lead.first_name|safe }}", "{{ lead.first_name|map('upper')|list }}",
        "{{ lead|pprint }}", "{{ lead|tojson }}", "{{ lead.tags|selectattr('x')|list }}",
        "{% autoescape false %}{{ lead.first_name }}{% endautoescape %}", "{{ range }}",
        "{{ range() }}", "{{ cycler('a') }}", "{{ lipsum(n=9) }}", "{{ dict(a=1) }}",
        "{{ joiner() }}", "{{ namespace.__init__ }}", "{{ loop }}", "{{ lead.age.real }}",
        "{% for x in lead.tags %}{{ loop._iterator }}{% endfor %}",
        "{% for x in lead.tags %}{{ loop.changed(x) }}{% endfor %}",
        "{% macro f() %}{% endmacro %}{{ f.name }}", "{{ lead.tags|sort(attribute='__class__') }}",
        "{% import 'buttons' as b %}{{ b._TemplateModule__x }}{{ b.__class__ }}",
        "{{ lead.since.__class__ }}", "{{ lead.since.today() }}",
    ],
)  # fmt: skip
def test_nothing_behind_the_data_can_be_reached(source: str) -> None:
    assert "0x" not in refusal(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'A' * 200000000 }}", "{{ 'A' * 300000 }}", "{{ [1] * 9 }}", "{{ 9 ** 9 ** 9 }}",
        "{{ 10 ** 9 * 10 ** 9 * 10 ** 9 }}", "{{ '%1000000000d' % 5 }}", "{{ '9' * 4000 * 4000 }}",
        "{{ range(1000000000) }}", "{% for i in range(1000000000) %}{% endfor %}",
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
        "{% endfor %}{% endfor %}{% endfor %}"),
        "{% for a in range(9999) if a < 0 %}{% endfor %}" * 200,
        "{% for i in range(9999) %}" + "A" * 3000 + "{% endfor %}",
        "{% set x %}{% for i in range(9999) %}" + "A" * 3000 + "{% endfor %}{% endset %}",
        ("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}"
        "{% endfor %}"),
        ("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}"
        "{% endfor %}"),
        ("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set t %}{{ n.s }}{{ n.s }}"
        "{% endset %}{% set n.s = t %}{% endfor %}"),
        ("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = [n.s, n.s]|join %}"
        "{% endfor %}"),
        ("{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}"
        "{% endfor %}{{ n.a|upper }}"),
        ("{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}"
        "{% endfor %}"),
        "{% set n = namespace() %}{% set n.a = n %}{{ n|upper }}{{ [n]|upper }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        ("{% macro f(n) %}{% for i in range(30) %}{% if n %}{{ f(n - 1) }}{% endif %}{% endfor %}"
        "{% endmacro %}{{ f(30) }}"),
        "{% macro f() %}" + "A" * 3000 + "{% endmacro %}{% for i in range(9999) %}{% set x = f() %}"
        "{% endfor %}",
        ("{% for i in range(999) %}{% for j in range(99) %}{% include 'layout' %}"
        "{% endfor %}{% endfor %}"),
        "{% for i in lead.tags recursive %}{{ loop(lead.tags) }}{% endfor %}",
        "{% include 'itself' %}", "{% extends 'parent' %}", "{% import 'itself' as x %}",
        "{{ ('x' * 10000)|replace('x', 'y' * 100000) }}", "{{ 'x'|replace('', 'y' * 9999) }}",
        "{{ lead.tags|join('x' * 200000) ~ ('y' * 200000) }}",
        ("{% set n = namespace(s='x' * 250000) %}{% for i in range(9999) %}"
        "{{ (n.s|upper|lower|title) == n.s }}{% endfor %}"),
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{{ " + "not " * 5000 + "1 }}",
        "{{ " + "1 + " * 5000 + "1 }}", "{{ " + "9" * 5000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500, "x" * 300_000,
        "{{ lead.since|date('%1000000000d') }}", "{{ lead.since|date('%-9999999Y') }}",
    ],
    ids=lambda source: source[:60],
)  # fmt: skip
def test_no_template_runs_for_ever_or_eats_the_memory(source: str) -> None:
    refusal(source)


@pytest.mark.parametrize("source", ["{{ 'A' * 200000000 }}", "{{ 'x'|replace('', 'y' * 99999) }}"])
def test_a_text_too_long_is_refused_before_it_is_made(source: str) -> None:
    template = HTML.compile(source, name="welcome")
    tracemalloc.start()
    with pytest.raises(RenderFailed):
        template.render({})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_rounding_to_a_billion_places_is_bounded() -> None:
    assert html("{{ 1.25|round(1000000000) }}") == "1.25"


def test_objects_in_the_data_are_refused_whatever_the_template_does() -> None:
    class Row:
        api_key = "secret"

    assert "plain data" in refusal("{{ 1 }}", row=Row())
    assert "plain data" in refusal("{{ 1 }}", rows=[{"deep": [Row()]}])
    assert "plain data" in refusal("{{ 1 }}", f=print)
    assert "plain data" in refusal("{{ 1 }}", text=type("S", (str,), {})("x"))


def test_a_failed_render_leaves_the_template_usable() -> None:
    template = HTML.compile("{{ 10 / x }}", name="t")
    with pytest.raises(RenderFailed):
        template.render({"x": 0})
    assert template.render({"x": 5}) == "2.0"
