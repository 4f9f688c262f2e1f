"""Which change a comparison would have found: what "no evidence" is worth."""

from __future__ import annotations

from math import inf, sqrt
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Final

from loadcore.judge.comparing.permutation import attainable
from loadcore.judge.interval import student_at

if TYPE_CHECKING:
    from collections.abc import Sequence

POWER: Final = 0.8
"""How often a change of that size would be found."""


def detectable(before: Sequence[float], after: Sequence[float], level: float) -> float:
    """The shift that is found in four of five comparisons with runs that scatter as these do.

    Args:
        before: One sample.
        after: The other.
        level: What p must stay below.
    """
    sizes = len(before), len(after)
    reachable = attainable(sizes, level)
    if not reachable:
        return inf
    freedom = sum(sizes) - 2
    squares = sum((value - fmean(side)) ** 2 for side in (before, after) for value in side)
    normal = NormalDist()
    reach = student_at(normal.inv_cdf(1 - reachable / 2), freedom) + student_at(normal.inv_cdf(POWER), freedom)
    return reach * sqrt(squares / freedom * (1 / sizes[0] + 1 / sizes[1]))
