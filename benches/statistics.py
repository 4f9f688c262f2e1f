"""Statistics of paired measurements."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESAMPLES = 5_000

Value = TypeVar("Value")


@dataclass(frozen=True)
class Estimate:
    """A median and where it lies with a probability of 95 %."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """As in tables: `0.79 [0.73-0.84]`."""
        return f"{self.median:.{digits}f} [{self.low:.{digits}f}-{self.high:.{digits}f}]"


def estimate(values: Sequence[float], seed: int = 1) -> Estimate:
    """The median with its percentile bootstrap interval.

    Raises:
        statistics.StatisticsError: There are no values.
    """
    return bootstrap(statistics.median(values), lambda chance: statistics.median(resampled(values, chance)), seed)


def bootstrap(found: float, draw: Callable[[random.Random], float], seed: int = 1) -> Estimate:
    """A figure with its percentile bootstrap interval; `draw` gives the same figure of resampled values."""
    chance = random.Random(seed)
    drawn = sorted(draw(chance) for _ in range(RESAMPLES))
    return Estimate(found, drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES)])


def resampled(values: Sequence[Value], chance: random.Random) -> list[Value]:
    """As many values, drawn with replacement; none of none."""
    return chance.choices(values, k=len(values)) if values else []


def quantile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile of ordered values: the least that a share of q does not pass."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def kolmogorov_smirnov(values: Sequence[float], distribution: Callable[[float], float]) -> tuple[float, float]:
    """How far values are from a continuous distribution: the greatest distance, and the probability of one as great.

    The probability is that of the limit for many values, with Stephens' correction; below 35 values it is rough.
    """
    ordered = sorted(values)
    count = len(ordered)
    distance = 0.0
    for rank, value in enumerate(ordered):
        expected = distribution(value)
        distance = max(distance, expected - rank / count, (rank + 1) / count - expected)
    scaled = distance * (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count))
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return distance, (min(1.0, max(0.0, math.fsum(terms))) if scaled > 0.2 else 1.0)


def start_up(short: tuple[float, float], long: tuple[float, float]) -> float:
    """What two runs of different lengths, each a number of requests and its cost, cost before the first request."""
    (short_count, short_cost), (long_count, long_cost) = short, long
    return (short_cost * long_count - long_cost * short_count) / (long_count - short_count)
