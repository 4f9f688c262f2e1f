"""How far a measured percentile may lie from the target's own: its 95 % interval, from the counts of batches.

The percentile `x` of `n` requests is exceeded by a share `1 - q` of them. Were they independent, the rank of the true
percentile would be binomial, and the interval would reach from the request of rank `nq - z sqrt(nq(1-q))` to that of
rank `nq + z sqrt(nq(1-q))` (David and Nagaraja, Order Statistics, 7.1). Requests are not independent: those of one
stall, or of one full queue, are slow together. So the run is cut into batches of time, and the variance of the share
above `x` over the batches is compared with the binomial one. Their ratio is the design effect (Kish, Survey Sampling,
8.2, for the ratio estimator with clusters of unequal size), and `n` requests are worth `n / deff` independent ones.

- Batches are joined, two, four, eight at a time, down to ten: where neighbours are still alike, wider batches vary more
  (batch means: Law, Simulation Modeling and Analysis, 9.5.3). The widest of the intervals counts. What neighbours of
  the ten batches still have in common, a correlation `r`, multiplies the design effect by `(1 + r) / (1 - r)`, as in
  a first-order autoregression. Ten batches of less than a second, all of them within a queue's or a stall's memory,
  estimate `r` too low: for a run that short, a caller gives the least that it may be.
- The variance is itself an estimate from few batches, often with few bursts in them. `z` is the quantile of Student's
  distribution, with the degrees of freedom that the kurtosis of the batches leaves (Satterthwaite).
- Where the upper rank lies beyond the last request, the interval is open above: the run is too short for that end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIDENCE: Final = 0.95
"""How often the true percentile lies in the interval."""
LEAST_BATCHES: Final = 10
"""Fewer say nothing of how much batches differ."""

_Z: Final = 1.959964
_SMALL_FREEDOM: Final = (12.706, 4.303, 3.182)
"""Of Student's distribution with one, two and three degrees of freedom."""
_FEW: Final = 4
_DEPENDENT: Final = 1.5
"""A design effect that chance alone seldom comes to."""
_MOST_ALIKE: Final = 0.8
SHORT_ALIKE: Final = 0.4
"""The least correlation of ten batches that are shorter than a second, where batches differ by more than chance."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the batches of a run differ."""

    effect: float = 1.0
    """The design effect: the number of requests worth one independent request; at least 1."""
    t: float = _Z
    """Standard errors from the percentile to either end."""

    @property
    def width(self) -> float:
        """How much wider it makes an interval than independent requests would."""
        return self.t * sqrt(self.effect)


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which shares of the sorted requests the percentile lies."""

    low: float | None
    """None: the run is too short for a lower end."""
    high: float | None
    """None: the run is too short for an upper end."""
    worth: int
    """How many independent requests the run is worth here: n / design effect, whole ones."""
    needed: int
    """How many do for both ends, at the least: both ends are there if, and only if, `worth` is as many or more."""


def interval(quantile: float, requests: int, spread: Spread) -> Interval:
    """The 95 % interval of a percentile.

    Args:
        quantile: Which, between 0 and 1.
        requests: How many were measured.
        spread: How much their batches differ, at this percentile.
    """
    # Whole requests, as they are shown: half a request would close an interval that still needs one.
    worth = max(1, int(requests / spread.effect))
    reach = spread.t * sqrt(quantile * (1 - quantile) / worth)
    scarce = max(quantile / (1 - quantile), (1 - quantile) / quantile)
    needed = _Z**2 * scarce
    if worth > needed:
        needed = spread.t**2 * scarce
    return Interval(
        low=quantile - reach if quantile > reach else None,
        high=quantile + reach if quantile + reach < 1 else None,
        worth=worth,
        needed=int(needed) + 1,
    )


def spread_of(requests: Sequence[int], above: Sequence[int], least_alike: float = 0.0) -> Spread | None:
    """How much batches differ in the share of their requests above a value.

    Args:
        requests: Of each batch, in the order of time. Batches without requests count: nothing was answered in them.
        above: Of these, those above the value.
        least_alike: The least correlation of neighbours to assume where batches differ by more than chance.

    Returns:
        None: there are too few batches to tell.
    """
    if len(requests) < LEAST_BATCHES:
        return None
    if not 0 < sum(above) < sum(requests):
        return Spread()
    ladder = [*_ladder(requests, above)]
    widest = max((_spread(*batches) for batches in ladder), key=lambda spread: spread.width)
    if widest.effect < _DEPENDENT:
        return widest
    alike = max(least_alike, _likeness(*ladder[-1]))
    return Spread(widest.effect * (1 + alike) / (1 - alike), widest.t)


def _ladder(requests: Sequence[int], above: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """The batches as they are, and joined, ever more of them, down to ten."""
    widest = len(requests) // LEAST_BATCHES
    together = 1
    while together < widest:
        yield _joined(requests, together), _joined(above, together)
        together *= 2
    yield _joined(requests, widest), _joined(above, widest)


def _joined(counts: Sequence[int], together: int) -> Sequence[int]:
    """Batches of several, those at the end that make no whole one in the last."""
    if together == 1:
        return counts
    whole = len(counts) // together
    ends = [*range(together, whole * together, together), len(counts)]
    return [sum(counts[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _spread(requests: Sequence[int], above: Sequence[int]) -> Spread:
    count, batches = sum(requests), len(requests)
    share = sum(above) / count
    squares = [(k - share * n) ** 2 for n, k in zip(requests, above, strict=True)]
    total = sum(squares)
    effect = total * batches / (batches - 1) / (count * share * (1 - share))
    if effect <= 1:
        return Spread(1.0, student(batches - 1))
    excess = max(0.0, batches * sum(square * square for square in squares) / total**2 - 3)
    return Spread(effect, student(2 / (excess / batches + 2 / (batches - 1))))


def _likeness(requests: Sequence[int], above: Sequence[int]) -> float:
    """The correlation of neighbouring batches, if it is positive."""
    share = sum(above) / sum(requests)
    rest = [k - share * n for n, k in zip(requests, above, strict=True)]
    total = sum(each * each for each in rest)
    common = sum(one * other for one, other in pairwise(rest))
    return min(max(0.0, common / total), _MOST_ALIKE) if total else 0.0


def student(freedom: float) -> float:
    """The 97.5 % quantile of Student's distribution (Abramowitz and Stegun 26.7.5; of a table for few degrees)."""
    if freedom < _FEW:
        place = max(1.0, freedom)
        below = min(int(place), len(_SMALL_FREEDOM))
        low, high = _SMALL_FREEDOM[below - 1], (*_SMALL_FREEDOM, 2.776)[below]
        return low + (high - low) * (place - below)
    return student_at(_Z, freedom)


def student_at(z: float, freedom: float) -> float:
    """The quantile of Student's distribution where the normal one has `z`; for four degrees of freedom and more."""
    inverse = 1 / freedom
    return (
        z
        + (z**3 + z) / 4 * inverse
        + (5 * z**5 + 16 * z**3 + 3 * z) / 96 * inverse**2
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 * inverse**3
    )
