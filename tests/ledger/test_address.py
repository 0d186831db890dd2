"""One strict reading of addresses."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused


@pytest.mark.parametrize(
    ("text", "stored", "key"),
    [
        ("Ann.Lee@Example.TEST", "Ann.Lee@example.test", "ann.lee@example.test"),
        ("  ann@example.test\t", "ann@example.test", "ann@example.test"),
        ("\ufeffann@example.test", "ann@example.test", "ann@example.test"),
        ("ann+shop@example.test", "ann+shop@example.test", "ann+shop@example.test"),
        ("a@bücher.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        (
            "STRASSE@straße.example",
            "STRASSE@xn--strae-oqa.example",
            "strasse@xn--strae-oqa.example",
        ),
        ("ju\u0308rgen@example.test", "jürgen@example.test", "jürgen@example.test"),
        ("o'neil@example.test", "o'neil@example.test", "o'neil@example.test"),
    ],
)
def test_an_address_has_one_spelling_and_one_key(text: str, stored: str, key: str) -> None:
    address = normal_address(text)
    assert (address.text, address.key) == (stored, key)
    assert normal_address(address.text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ann", "no @"),
        ("a@b@example.test", "2 @"),
        ("alice@example.org)bob@example.com", "2 @"),
        ("-oQ/tmp@example.test", "begins with -"),
        ("ann lee@example.test", "a space"),
        ("ann\u00a0lee@example.test", "a space"),
        ("ann@example.test\r\nBcc: b@example.test", "U+000D"),
        ("ann@example.test\n", "U+000A"),
        ("ann\x00@example.test", "U+0000"),
        ("ann\u202e@example.test", "U+202E"),
        ("ann\u200b@example.test", "U+200B"),
        ("ann\ud800@example.test", "U+D800"),
        ("Ann <ann@example.test>", "space"),
        ("<ann@example.test>", "not a mail address"),
        ('"ann"@example.test', "not a mail address"),
        ("ann(comment)@example.test", "not a mail address"),
        ("ann@[127.0.0.1]", "not a mail address"),
        ("ann@localhost", "period"),
        ("ann@-example.test", "not a mail address"),
        ("ann@example..test", "not a mail address"),
        (".ann@example.test", "not a mail address"),
        ("ann@" + "a" * 64 + ".test", "not a mail address"),
        ("a" * 65 + "@example.test", "not a mail address"),
        ("a" * 300 + "@example.test", "254"),
    ],
)
def test_what_is_no_address_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        normal_address(text)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_an_odd_local_part_is_an_address_and_opens_no_header() -> None:
    # Every character of it may stand in a local part.
    assert normal_address("=?utf-8?q?a@example.test").local == "=?utf-8?q?a"


@pytest.mark.shared
def test_the_policy_over_a_public_list_of_odd_addresses(shared_data: Path) -> None:
    rows = json.loads((shared_data / "addresses" / "isemail_tests.json").read_text("utf-8"))
    taken: Counter[str] = Counter()
    for row in rows:
        try:
            normal_address(row["address"])
        except AddressRefused:
            continue
        taken[row["category"]] += 1
    assert taken == {
        "ISEMAIL_VALID_CATEGORY": 13,
        "ISEMAIL_DNSWARN": 8,
        "ISEMAIL_CFWS": 2,
    }
