"""Signed links and tracked templates."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.delivery.mails.links import read, sign
from nurture.delivery.mails.tracking import PIXEL, pixel_and_click, target, track
from nurture.delivery.rendering.plain import plain_template
from nurture.delivery.rendering.sandbox import Sandbox
from nurture.ledger.errors import LinkInvalid, RenderFailed

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = (OLD, NEW)


@given(st.lists(st.integers(min_value=0, max_value=2**64), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_a_token_carries_its_numbers(ids: list[int]) -> None:
    assert read(KEYS, "click", sign(KEYS, "click", *ids)) == tuple(ids)


def test_the_newest_key_signs_and_all_keys_verify() -> None:
    before = sign((OLD,), "unsubscribe", 7)
    assert read(KEYS, "unsubscribe", before) == (7,)
    after = sign(KEYS, "unsubscribe", 7)
    assert read((NEW,), "unsubscribe", after) == (7,)
    with pytest.raises(LinkInvalid):
        read((NEW,), "unsubscribe", before)


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    purposes = ("click", "open", "unsubscribe", "accept", "reject", "touch")
    tokens = {purpose: sign(KEYS, purpose, 1) for purpose in purposes}
    assert len(set(tokens.values())) == len(purposes)
    for made, token in tokens.items():
        for asked in purposes:
            if asked != made:
                with pytest.raises(LinkInvalid):
                    read(KEYS, asked, token)


def test_no_single_change_to_a_token_is_accepted() -> None:
    token = sign(KEYS, "accept", 12, 345)
    letters = string.ascii_letters + string.digits + "-_.=+/ \n!%"
    for at in range(len(token)):
        for letter in letters:
            for forged in (
                token[:at] + letter + token[at + 1 :],
                token[:at] + letter + token[at:],
            ):
                if forged == token:
                    continue
                with pytest.raises(LinkInvalid):
                    read(KEYS, "accept", forged)
        with pytest.raises(LinkInvalid):
            read(KEYS, "accept", token[:at] + token[at + 1 :])


@pytest.mark.parametrize("token", ["", ".", "x", "é.é", "\0", "A" * 10_000, "AQ." + "A" * 24, "1"])
def test_what_is_no_token_is_refused_without_a_reason(token: str) -> None:
    with pytest.raises(LinkInvalid) as caught:
        read(KEYS, "click", token)
    assert str(caught.value) == "This link is not valid."


def test_the_numbers_of_another_token_do_not_fit() -> None:
    one, two = sign(KEYS, "click", 1), sign(KEYS, "click", 2)
    with pytest.raises(LinkInvalid):
        read(KEYS, "click", two.partition(".")[0] + "." + one.partition(".")[2])


def test_a_weak_key_and_a_negative_number_are_errors_of_ours() -> None:
    with pytest.raises(ValueError, match="16 octets"):
        sign((b"short",), "click", 1)
    with pytest.raises(ValueError, match="from 0 up"):
        sign(KEYS, "click", -1)


class Registry(dict[str, int]):
    def __call__(self, url: str) -> int:
        return self.setdefault(url, len(self) + 1)


def tracked(source: str, registry: Registry | None = None) -> str:
    ids = Registry() if registry is None else registry
    return track(source, link_id=ids, own={"unsubscribe_url"}, name="welcome")


def test_links_are_rewritten_once_in_the_template() -> None:
    ids = Registry()
    source = (
        '<a class="b" href="https://example.test/a?x=1&amp;y=2">A</a>'
        "<A HREF='http://example.test/b'>B</A>"
        '<a href="https://example.test/a?x=1&amp;y=2">again</a>'
        '<a {% if lead.ok %}class="x>y"{% endif %} href="https://example.test/c">C</a></body>'
    )
    assert tracked(source, ids) == (
        '<a class="b" href="{{ click }}/1">A</a><A HREF="{{ click }}/2">B</A>'
        '<a href="{{ click }}/1">again</a>'
        '<a {% if lead.ok %}class="x>y"{% endif %} href="{{ click }}/3">C</a>' + PIXEL + "</body>"
    )
    assert ids == {
        "https://example.test/a?x=1&y=2": 1,
        "http://example.test/b": 2,
        "https://example.test/c": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        '<a href="mailto:a@example.test">x</a>', '<a href="tel:+491">x</a>', '<a href="#top">x</a>',
        '<a href="{{ unsubscribe_url }}">x</a>', '<a href="">x</a>', '<a name="x">x</a>',
        '<link href="https://example.test/s.css">', '{# <a href="https://example.test"> #}',
        '{% raw %}<a href="https://example.test">{% endraw %}',
        '<img src="https://example.test/i">',
        '<a data-href="https://example.test/x">x</a>',
    ],
)  # fmt: skip
def test_other_links_stay(source: str) -> None:
    assert tracked(source) == source + PIXEL


def test_fields_in_a_link_travel_and_come_back() -> None:
    ids = Registry()
    page = tracked(
        '<a href="https://example.test/p/{{ lead.id }}?n={{ lead.n|urlencode }}">x</a>', ids
    )
    token = sign(KEYS, "click", 5)
    values = {
        "lead": {"id": "7", "n": "a b&c"},
        **pixel_and_click("https://go.test", click_token=token, open_token="o"),
    }
    shown = Sandbox(html=True).compile(page, name="welcome").render(values)
    assert f'href="https://go.test/c/{token}/1?v=7&amp;v=a%2520b%2526c"' in shown
    (kept,) = ids
    assert target(kept, ["7", "a%20b%26c"]) == "https://example.test/p/7?n=a%20b%26c"


@pytest.mark.parametrize(
    "url",
    [
        "{{ lead.website }}", "https://{{ lead.host }}/", "https://example.test{{ lead.id }}",
        "https://{{ lead.user }}@example.test/", "{{ lead.scheme }}://example.test/",
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//example.test/",
        "/relative", "https://user@example.test/", "https:example.test", "https://",
        "https://example.test:x/", "{% if a %}https://example.test{% endif %}",
        "https://example.test\\@evil.test/", "ftp://example.test/",
    ],
)  # fmt: skip
def test_a_link_that_could_lead_anywhere_is_refused_with_its_line(url: str) -> None:
    with pytest.raises(RenderFailed, match="welcome, line 2"):
        tracked(f'\n<a href="{url}">x</a>')


@pytest.mark.parametrize(
    "value",
    ["../../x", "@evil.test", "//evil.test", "\\@evil.test", "?a=b#c", "é ü", "https://evil.test",
     "{}", "%0d%0aX: y"],
)  # fmt: skip
def test_no_value_changes_the_host(value: str) -> None:
    url = target("https://example.test/p/{}", [value])
    assert url.startswith("https://example.test/p/")
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url


@pytest.mark.parametrize(
    ("kept", "values"),
    [
        ("https://example.test/{}", []),
        ("https://example.test/{}", ["a", "b"]),
        ("https://example.test/", ["a"]),
        ("https://example.test/{}", ["a\r\nX: y"]),
        ("https://example.test/{}", ["a\0"]),
        ("https://example.test{}", [".evil.test"]),
        ("https://example.test{}", ["@evil.test"]),
    ],
)
def test_values_that_do_not_fit_make_the_link_invalid(kept: str, values: list[str]) -> None:
    with pytest.raises(LinkInvalid):
        target(kept, values)


def test_a_text_part_says_what_the_html_says() -> None:
    source = (
        "<html><head><title>{{ t }}</title><style>a{}</style>{% set q = 1 %}</head><body>"
        "<h1>Hi {{ lead.name|default('you <3') }}</h1>"
        "<p>See <a href='{{ click }}/1'>our\n page</a>,"
        "{% if q < 2 %} <b>now</b>{% endif %} &amp; <a href='#x'>here</a>.</p>"
        "<ul><li>one<li>two</ul>"
        "<img src='x' alt='A picture'><script>{{ bad }}</script><!-- no --><br>Bye</body></html>"
    )
    text = plain_template(source)
    assert "bad" not in text
    assert "{{ t }}" not in text
    rendered = Sandbox(html=False).compile(text, name="welcome").render(
        {"lead": {"name": "Ann & Co"}, "click": "https://go.test/c/T"}
    )  # fmt: skip
    assert rendered.strip() == (
        "Hi Ann & Co\n\nSee our page (https://go.test/c/T/1), now & here.\n\n- one\n- two\n\n"
        "A picture\nBye"
    )


def test_a_raw_block_stays_raw_in_the_text_part() -> None:
    text = plain_template("<p>{% raw %}{{ not <b> }}{% endraw %}</p>")
    assert Sandbox(html=False).compile(text, name="t").render({}).strip() == "{{ not <b> }}"
