"""How far two samples are apart, with bounds that assume no distribution (Hodges and Lehmann; Moses)."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def shift(before: Sequence[float], after: Sequence[float]) -> float:
    """The median of all differences between a value after and one before."""
    return median(_differences(before, after))


def bounds(before: Sequence[float], after: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """Between what the shift lies with at least this confidence; None where samples are too small to say.

    The ends are differences that the rank-sum test, inverted, does not refuse.
    """
    differences = sorted(_differences(before, after))
    ways = _ways(len(before), len(after))
    allowed = (1 - confidence) / 2 * sum(ways)
    outside, refused = 0, 0
    for count in ways:
        refused += count
        if refused > allowed:
            break
        outside += 1
    if not outside:
        return None
    return differences[outside - 1], differences[-outside]


def _differences(before: Sequence[float], after: Sequence[float]) -> list[float]:
    return [late - early for early in before for late in after]


def _ways(one: int, other: int) -> list[int]:
    """Of all labellings, how many have each value of Mann and Whitney's statistic: a Gaussian binomial coefficient."""
    size = one * other
    ways = [1] + [0] * size
    for factor in range(1, one + 1):
        for place in range(size, other + factor - 1, -1):
            ways[place] -= ways[place - other - factor]
        for place in range(factor, size + 1):
            ways[place] += ways[place - factor]
    return ways
