"""The statistics of winners: published numbers, and how often they are wrong."""

from __future__ import annotations

import random

import pytest

from nurture.sequences.trial import Arm, interval, judge, look_at, p_value


def test_an_interval_is_that_of_the_published_example() -> None:
    """Newcombe 1998, table II, contrast 56/70 - 48/80, method 10."""
    low, high = interval(Arm(70, 56), Arm(80, 48), error=0.05)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_a_p_value_is_that_of_the_square_of_z() -> None:
    """2 x 2 table 15/100 against 30/100: chi square 6.4516, p 0.01109."""
    assert p_value(Arm(100, 15), Arm(100, 30)) == pytest.approx(0.011087, abs=1e-5)
    assert p_value(Arm(9, 0), Arm(9, 0)) == 1.0
    assert p_value(Arm(9, 9), Arm(9, 9)) == 1.0


def test_looks_come_at_doublings_of_the_arm_with_the_fewest_sends() -> None:
    found = [look_at({"a": Arm(n, 0), "b": Arm(9_999, 0)}, 500) for n in (0, 499, 500, 999, 1000)]
    assert found == [0, 0, 1, 1, 2]
    assert look_at({"a": Arm(4_000, 0), "b": Arm(4_000, 1)}, 500) == 4


def test_more_arms_and_later_looks_ask_for_more() -> None:
    two = {"a": Arm(500, 50), "b": Arm(500, 75)}
    three = two | {"c": Arm(500, 20)}
    first = judge(two, look=1, confidence=0.9)
    assert (first.best, first.against) == ("b", "a")
    assert judge(three, look=1, confidence=0.9).p == pytest.approx(3 * first.p)
    assert judge(two, look=2, confidence=0.9).p == pytest.approx(2 * first.p)
    assert first.won
    assert first.low > 0
    assert not judge(three, look=2, confidence=0.9).won


def test_of_splits_without_a_difference_few_find_a_winner_in_all_their_looks() -> None:
    """600 splits of three arms, eight looks each: fewer than one in twenty is ever decided."""
    dice = random.Random(7)
    wrong = 0
    for _ in range(600):
        hits, sends = dict.fromkeys("abc", 0), 0
        for look in range(1, 9):
            more = 100 * 2 ** (look - 1) - sends
            sends += more
            for arm in hits:
                hits[arm] += round(dice.gauss(0.2 * more, (0.16 * more) ** 0.5))
            arms = {name: Arm(sends, max(0, min(sends, count))) for name, count in hits.items()}
            if judge(arms, look=look, confidence=0.95).won:
                wrong += 1
                break
    assert wrong / 600 < 0.05
