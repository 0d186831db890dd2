"""Whether one arm of a split does better than the others: the statistics, pure.

Rates are of leads (each counts once, however many mails it got), so that they are independent.

- Two arms are compared by the two-proportion z-test with the pooled variance; the interval of their
  difference is Newcombe's hybrid score interval (Newcombe 1998, Statistics in Medicine 17:873-890,
  method 10), which does not pool.
- The best arm is chosen by the same data it is tested on, so every pair counts as tested: p-values
  are multiplied by the number of pairs (Bonferroni).
- Looking again and again finds a winner sooner or later where there is none.  So there are few
  looks: when every arm has `after` sends, then twice, four times … as many, and look number k may
  spend alpha / 2^k of the error allowed (alpha = 1 - confidence).  All looks together spend less
  than alpha, however long the split runs and however the looks hang together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist


@dataclass(frozen=True)
class Arm:
    """Leads of an arm a mail went to, and how many of them did it."""

    sends: int
    hits: int

    @property
    def rate(self) -> float:
        """The share that did it, 0 of nobody."""
        return self.hits / self.sends if self.sends else 0.0


@dataclass(frozen=True)
class Verdict:
    """What a look found: the best arm against the next, and whether it wins over all.

    `p` is corrected for pairs and looks, to be compared with 1 - confidence; `low` and `high` bound
    the difference of the two rates with an interval as wide as the corrections ask for.
    """

    best: str
    against: str
    p: float
    low: float
    high: float
    won: bool


def look_at(arms: Mapping[str, Arm], after: int) -> int:
    """The number of the look that these sends allow, 0 for none yet: each takes twice the sends."""
    least = min(arm.sends for arm in arms.values())
    return (least // after).bit_length()


def judge(arms: Mapping[str, Arm], *, look: int, confidence: float) -> Verdict:
    """Compare the best arm (of equals the first) with every other, at a look of this number."""
    ranked = sorted(arms, key=lambda name: -arms[name].rate)
    best, against = ranked[0], ranked[1]
    corrections = len(list(combinations(arms, 2))) * 2**look
    found = max(p_value(arms[best], arms[other]) for other in ranked[1:])
    p = min(1.0, found * corrections)
    alpha = 1 - confidence
    low, high = interval(arms[best], arms[against], error=alpha / corrections)
    return Verdict(best, against, p, low, high, won=p < alpha)


def p_value(one: Arm, two: Arm) -> float:
    """Two-sided, of the two-proportion z-test with the pooled variance."""
    pooled = (one.hits + two.hits) / (one.sends + two.sends)
    variance = pooled * (1 - pooled) * (1 / one.sends + 1 / two.sends)
    if variance == 0:
        return 1.0
    return math.erfc(abs(one.rate - two.rate) / math.sqrt(2 * variance))


def interval(one: Arm, two: Arm, *, error: float) -> tuple[float, float]:
    """Of the difference of two rates, by Newcombe's method 10: from each one's score interval."""
    z = NormalDist().inv_cdf(1 - error / 2)
    low_1, high_1 = _score(one, z)
    low_2, high_2 = _score(two, z)
    difference = one.rate - two.rate
    below = math.hypot(one.rate - low_1, high_2 - two.rate)
    above = math.hypot(high_1 - one.rate, two.rate - low_2)
    return difference - below, difference + above


def _score(arm: Arm, z: float) -> tuple[float, float]:
    """Wilson's score interval of one rate."""
    n, rate = arm.sends, arm.rate
    middle = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
