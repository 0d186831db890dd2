"""Addresses read many at a time, exactly as one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused
from nurture.ledger.intake.many_addresses import address_of_many


def both(text: str) -> tuple[object, object]:
    answers: list[object] = []
    for reading in (normal_address, address_of_many):
        try:
            answers.append(reading(text))
        except AddressRefused as refusal:
            answers.append(str(refusal))
    return answers[0], answers[1]


PARTS = st.text(alphabet="aB1.-_+@ü 'é!\"", max_size=12)


@given(st.one_of(st.text(max_size=30), st.builds("{}@{}.test".format, PARTS, PARTS)))
def test_many_addresses_are_read_exactly_as_one(text: str) -> None:
    strict, quick = both(text)
    assert strict == quick


@pytest.mark.parametrize(
    "text",
    [
        "-a@example.test",
        "a@localhost",
        "a@x.local",
        "a@xn--bcher-kva.example.test",
        "a" * 65 + "@example.test",
        "a@" + "b" * 64 + ".test",
        "a..b@example.test",
        "a@example.test.",
        "a@[1.2.3.4]",
        "A.B+c@EXAMPLE.test",
        "a@ex--ample.test",
        "a@-x.test",
        "a@1.2.3.4",
        "a@x.invalid",
        "a" * 60 + "@" + ("b" * 60 + ".") * 4 + "test",
    ],
)
def test_hard_addresses_are_read_exactly_as_one(text: str) -> None:
    strict, quick = both(text)
    assert strict == quick
