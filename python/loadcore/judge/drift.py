"""Whether the measured part was a steady state: the medians of its seconds, the first half against the second.

The rank test of Mann and Whitney (On a Test of Whether one of Two Random Variables is Stochastically Larger than the
Other, Annals of Mathematical Statistics 18, 1947), with the correction for ties. It takes seconds for independent;
where neighbours are alike, with a correlation `r`, the statistic is divided by `sqrt((1 + r) / (1 - r))`. A drift is
reported only if it is also a trend (the slope has its sign) and large enough to matter. It is a note and fails nothing.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import sqrt
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding
from loadcore.judge.words import span

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_SECONDS: Final = 14
"""Halves of fewer than seven seconds differ by chance too easily."""
LIMIT: Final = 0.05
"""Smaller changes of the median are not told."""
_Z: Final = 3.0
"""Of 100 steady runs one is called drifting, or two where seconds are much alike."""
_MOST_ALIKE: Final = 0.95


def findings(medians_ns: Sequence[float]) -> list[Finding]:
    """A note if the median response time drifted.

    Args:
        medians_ns: Of the seconds of the measured part, in their order.
    """
    if len(medians_ns) < LEAST_SECONDS:
        return []
    half = len(medians_ns) // 2
    first, second = medians_ns[:half], medians_ns[-half:]
    before_ns, after_ns = median(first), median(second)
    change = (after_ns - before_ns) / before_ns if before_ns else 0.0
    trend = slope(medians_ns)
    if abs(change) < LIMIT or change * trend <= 0 or abs(statistic(first, second)) < _Z:
        return []
    verb = "rose" if change > 0 else "fell"
    return [
        Finding(
            subject="plan",
            severity="note",
            rule="drift",
            message=f"p50 {verb} from {span(before_ns)} to {span(after_ns)} over the steady phase: not a steady state",
            advice="run longer, or with a longer warm-up; a p50 that rises at a constant load is a backlog or a leak",
            value=change,
            limit=LIMIT,
        )
    ]


def statistic(first: Sequence[float], second: Sequence[float]) -> float:
    """How many standard errors the second half ranks above the first; 0 if all values are the same."""
    n, m = len(first), len(second)
    values = [*first, *second]
    rank = _ranks(values)
    ranks = [rank[value] for value in values]
    above = sum(ranks[n:]) - m * (m + 1) / 2 - n * m / 2
    total = n + m
    ties = sum(count**3 - count for count in Counter(values).values())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 0.0
    alike = _likeness(ranks, n)
    return above / sqrt(variance * (1 + alike) / (1 - alike))


def slope(values: Sequence[float]) -> float:
    """Of the line through the values, times the sum of squares of the places."""
    middle, mean = (len(values) - 1) / 2, fmean(values)
    return sum((place - middle) * (value - mean) for place, value in enumerate(values))


def _ranks(values: Sequence[float]) -> dict[float, float]:
    """The rank of each value from 1; equal values share the mean of theirs."""
    ranks, before = {}, 0
    for value, count in sorted(Counter(values).items()):
        ranks[value] = before + (count + 1) / 2
        before += count
    return ranks


def _likeness(ranks: Sequence[float], half: int) -> float:
    """The correlation of neighbours that a drift does not explain: about a line or two levels, where it is less."""
    count = len(ranks)
    middle, mean = (count - 1) / 2, fmean(ranks)
    per_place = slope(ranks) / sum((place - middle) ** 2 for place in range(count))
    levels = [fmean(ranks[:half])] * half + [fmean(ranks[half:])] * (count - half)
    line = [mean + per_place * (place - middle) for place in range(count)]
    return max(0.0, min(_correlation(ranks, line), _correlation(ranks, levels)))


def _correlation(values: Sequence[float], about: Sequence[float]) -> float:
    """Of neighbours. Two numbers were taken from the values, which makes the correlation too small by about this."""
    count = len(values)
    rest = [value - expected for value, expected in zip(values, about, strict=True)]
    total = sum(each * each for each in rest)
    found = sum(one * other for one, other in pairwise(rest)) / total if total else 0.0
    return min((found + 2 / count) / (1 - 4 / count), _MOST_ALIKE)
