"""The exact permutation test of two small samples."""

from __future__ import annotations

import random
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_EXACT: Final = 200_000
"""Labellings that are all counted; of more, a part is drawn."""
_DRAWS: Final = 20_000
_ROUNDING: Final = 1e-9


def p_value(before: Sequence[float], after: Sequence[float]) -> float:
    """How often labels given at random make the means differ at least as much as they do, either way.

    All labellings are counted (10 runs have 252, 20 have 184,756); of more, 20,000 are drawn, always the same ones.
    """
    pooled = [*before, *after]
    size, total = len(before), sum(pooled)
    other = len(after)

    def apart(chosen: float) -> float:
        return abs((total - chosen) / other - chosen / size)

    seen = apart(sum(before))
    least = seen - _ROUNDING * max(seen, *(abs(each) for each in pooled))
    if comb(len(pooled), size) <= _MOST_EXACT:
        sums: Iterable[float] = map(sum, combinations(pooled, size))
        found = [apart(each) >= least for each in sums]
        return sum(found) / len(found)
    draws = random.Random(0)
    found = [apart(sum(draws.sample(pooled, size))) >= least for _ in range(_DRAWS)]
    return (1 + sum(found)) / (1 + _DRAWS)


def attainable(sizes: tuple[int, int], level: float) -> float:
    """The largest p that the test of samples of these sizes can give, and that is not above the level; 0 for none."""
    labellings = comb(sum(sizes), sizes[0])
    # Samples of one size are as far apart with their labels exchanged.
    step = 2 if sizes[0] == sizes[1] else 1
    return int(level * labellings / step + _ROUNDING) * step / labellings


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment: the chance that any of several tests is wrong stays below the level that each is read at."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, (len(order) - rank) * p_values[place])
        found[place] = min(1.0, highest)
    return found
