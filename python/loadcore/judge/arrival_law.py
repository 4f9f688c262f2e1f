"""Whether the gaps between the actual sends are those of the plan: exponential, where arrivals are a Poisson process.

The test of Anderson and Darling (A Test of Goodness of Fit, JASA 49, 1954) for an exponential law whose mean is taken
from the sample: with the sorted gaps `x_i` of mean `m` and `z_i = 1 - exp(-x_i / m)`,

    A2 = -n - 1/n * sum((2i - 1) * (ln z_i + ln(1 - z_(n+1-i))))

and `A2 * (1 + 0.6 / n)` has the critical value 1.957 at 1 % (M. A. Stephens, EDF Statistics for Goodness of Fit and
Some Comparisons, JASA 69, 1974). As in Lancet (Kogias, Mallon, Bugnion, USENIX ATC 2019), twice that is the limit,
and few gaps are looked at: of enough of them any clock looks wrong.
"""

from __future__ import annotations

from math import expm1, log
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

CRITICAL: Final = 1.957
"""At 1 %."""
LIMIT: Final = 2 * CRITICAL
LEAST_GAPS: Final = 100
"""Fewer are not judged."""
MOST_GAPS: Final = 2_000


def findings(scenario: str, gaps_ns: Sequence[float]) -> list[Finding]:
    """A finding if these are not the gaps of a Poisson process.

    Args:
        scenario: Whose arrivals.
        gaps_ns: Between the first requests of its arrivals, as they were sent. Those after `MOST_GAPS` are left out.
    """
    if len(gaps_ns) < LEAST_GAPS:
        return []
    gaps_ns = gaps_ns[:MOST_GAPS]
    found = statistic(gaps_ns)
    if found <= LIMIT:
        return []
    return [
        Finding(
            subject="client",
            severity="suspect",
            rule="arrival_law",
            message=(
                f"{scenario}: arrivals did not follow the plan's distribution: the gaps between "
                f"{len(gaps_ns) + 1:,} of them are not exponential (A2 = {found:.1f}, limit {LIMIT:.1f})"
            ),
            advice="leave cores to the workers: fewer other programs, more workers, or the target on another machine",
            value=found,
            limit=LIMIT,
            scenario=scenario,
        )
    ]


def statistic(gaps: Sequence[float]) -> float:
    """The modified A2 of some gaps against the exponential law of their own mean."""
    count, mean = len(gaps), sum(gaps) / len(gaps)
    if mean <= 0:
        return float("inf")
    # Gaps of no time at all would have a logarithm of minus infinity: they count as a millionth of the mean.
    scaled = sorted(max(gap / mean, 1e-6) for gap in gaps)
    below = [log(-expm1(-gap)) for gap in scaled]
    total = sum(
        (2 * place + 1) * (lower - upper)
        for place, (lower, upper) in enumerate(zip(below, reversed(scaled), strict=True))
    )
    return (-count - total / count) * (1 + 0.6 / count)
