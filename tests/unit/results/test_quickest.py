"""How long a target takes while it keeps up."""

from __future__ import annotations

import pytest

from loadcore.engine import Histogram
from loadcore.results.sum.quickest import Quickest
from tests.contract.test_core_histogram import encoded


@pytest.mark.parametrize(
    ("medians_ms", "expected_ms"),
    [
        # A queue that grows, and one that begins with cold caches: no slow second passes, or only the first.
        ([5, 50, 100, 150, 200, 250], 5),
        ([40, 10, 50, 100, 150, 200], 40),
        # Slow for two seconds of five, at the end too; a stall, and recovery before the end.
        ([5, 5, 200, 200, 5, 5, 5, 200], 200),
        ([5, 900, 5, 5], 900),
        # Noise is not a phase.
        ([8, 12, 9, 11, 14, 10], 8),
        ([300] * 4, 300),
    ],
)
def test_a_slow_second_counts_if_the_target_recovered_from_it(medians_ms: list[int], expected_ms: int) -> None:
    """A growing queue never does, so what waits in it is not excused."""
    quickest = Quickest()
    for median_ms in medians_ms:
        quickest.add(Histogram.decode(encoded([median_ms * 1000] * 20)))
    assert quickest.quick_ns == pytest.approx(expected_ms * 1e6, rel=0.002)


def test_without_responses_it_cannot_be_told() -> None:
    """Of fewer than five it is their median."""
    quickest = Quickest()
    assert quickest.quick_ns is None
    quickest.add(Histogram.decode(encoded([7000, 7000])))
    assert quickest.quick_ns == pytest.approx(7e6, rel=0.002)
